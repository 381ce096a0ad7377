# cmake -DOUTPUT=file -DFILES="a.lua;b.lua" -P prelude.cmake
#
# Writes the files as arrays of a C source, see src/lua/prelude.h.
set(arrays "")
set(entries "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n " bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${name}_text[] = {\n ${bytes}\n};\n\n")
  string(APPEND entries "    {\"${name}\", ${name}_text, sizeof ${name}_text},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"lua/prelude.h\"\n\n${arrays}"
  "const echo__prelude_file echo__prelude_files[] = {\n${entries}    {NULL, NULL, 0}};\n")
