# The specs of the Lua layer, as far as this machine can run them.
if(NOT ECHO_BUILD_MODULE)
  return()
endif()

pkg_search_module(LUA_TO_TEST IMPORTED_TARGET lua5.4 lua-5.4 lua54)
# The codec's spec has one thread: nothing for the thread sanitizer, which takes minutes over it.
if(LUA_TO_TEST_FOUND AND NOT ECHO_SANITIZE MATCHES thread)
  echo_spec(lua codec LINK PkgConfig::LUA_TO_TEST)
endif()

find_program(ECHO_LUA_INTERPRETER NAMES lua5.4 lua54 lua-5.4)
find_program(ECHO_BUSTED NAMES busted)
# The plain interpreter cannot load a module that was built with a sanitizer. The two semicolons at
# the end of a path stand for Lua's own default.
if(ECHO_LUA_INTERPRETER AND ECHO_BUSTED AND NOT ECHO_SANITIZE)
  foreach(folder lua examples)
    add_test(NAME ${folder}.busted
      COMMAND ${ECHO_LUA_INTERPRETER} ${ECHO_BUSTED} --pattern=_spec spec/${folder}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${folder}.busted PROPERTIES TIMEOUT 300 ENVIRONMENT
      "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\\;\\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;")
  endforeach()
endif()
