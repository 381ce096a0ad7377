# echo_layer(NAME [BELOW layer...] HEADERS public... SOURCES file...)
#
# Makes the object library echo_NAME_objects of src/NAME. The compiler sees a folder that holds links
# to this layer and those below it, and the public headers of the same, and nothing else: an include
# that points upward finds no file. The linker sees echo_NAME_alone, a shared library of this layer
# and those below it that must not miss a symbol: a call that points upward does not link.
set(ECHO_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes)

function(echo_layer NAME)
  cmake_parse_arguments(LAYER "" "" "BELOW;HEADERS;SOURCES;LINK" ${ARGN})
  set(view ${PROJECT_BINARY_DIR}/layers/${NAME})
  file(MAKE_DIRECTORY ${view}/echo)
  set(headers ${LAYER_HEADERS})
  foreach(layer ${LAYER_BELOW} ${NAME})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${layer} ${view}/${layer} SYMBOLIC)
  endforeach()
  foreach(layer ${LAYER_BELOW})
    get_property(below GLOBAL PROPERTY ECHO_HEADERS_${layer})
    list(APPEND headers ${below})
  endforeach()
  foreach(header ${headers})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/include/echo/${header} ${view}/echo/${header} SYMBOLIC)
  endforeach()
  set_property(GLOBAL PROPERTY ECHO_HEADERS_${NAME} ${LAYER_HEADERS})

  list(TRANSFORM LAYER_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/src/${NAME}/)
  add_library(echo_${NAME}_objects OBJECT ${LAYER_SOURCES})
  target_include_directories(echo_${NAME}_objects PRIVATE ${view})
  target_compile_definitions(echo_${NAME}_objects PRIVATE _GNU_SOURCE $<$<BOOL:${ECHO_SMALL}>:ECHO__SMALL>)
  target_compile_options(echo_${NAME}_objects PRIVATE ${ECHO_WARNINGS})
  target_link_libraries(echo_${NAME}_objects PRIVATE PkgConfig::LIBUV Threads::Threads ${LAYER_LINK})

  if(NOT ECHO_SANITIZE AND NOT APPLE AND NOT LAYER_LINK)
    add_library(echo_${NAME}_alone SHARED $<TARGET_OBJECTS:echo_${NAME}_objects>)
    foreach(layer ${LAYER_BELOW})
      target_sources(echo_${NAME}_alone PRIVATE $<TARGET_OBJECTS:echo_${layer}_objects>)
    endforeach()
    target_link_options(echo_${NAME}_alone PRIVATE -Wl,-z,defs)
    target_link_libraries(echo_${NAME}_alone PRIVATE PkgConfig::LIBUV Threads::Threads)
    set_target_properties(echo_${NAME}_alone PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/layers)
  endif()
endfunction()
