# The specs in Lua under a sanitizer, in the host that is built with it: a test for each file,
# lua.NAME_spec, so that what one leaves behind is not taken for another's.
#
# Left out are sentences, by Lua patterns, or all of a file; docs/load.md says why.

# They limit the address space, of which a sanitizer takes terabytes.
set(left_out_buffer "the room is not" "out of memory as kind memory")
set(left_out_error "leaves memory errors behind it")
set(left_out_timeline_large ALL)

# All it does is measure memory, of which a sanitizer keeps more; and that for minutes.
set(left_out_leak ALL)

# A fork holds more locks at once than the thread sanitizer's look for deadlocks counts.
set(sanitized_options "TSAN_OPTIONS=detect_deadlocks=0:atexit_sleep_ms=0")

# What hostile tasks leave unfreed is theirs.
set(options_hostile "ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1")

file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lua/*_spec.lua)
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  string(REPLACE "_spec" "" short ${name})
  set(filters ${left_out_${short}})
  if(filters STREQUAL ALL)
    continue()
  endif()
  list(TRANSFORM filters PREPEND "--filter-out=")
  add_test(NAME lua.${name} COMMAND spec-lua-host ${ECHO_BUSTED} ${filters} spec/lua/${name}.lua
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(lua.${name} PROPERTIES TIMEOUT ${ECHO_SPEC_SECONDS} ENVIRONMENT
    "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\;${PROJECT_SOURCE_DIR}/?.lua\;\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\;\;;${sanitized_options};${options_${short}}")
endforeach()
