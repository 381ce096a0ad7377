# Hosts of every kind, a page of C each: how they come by Lua, how they load the module, how they end.
# They load it as it is, so with a sanitizer they are built with the same.
set(module_folder $<TARGET_FILE_DIR:echo_module>)
find_library(ECHO_STATIC_LUA NAMES liblua5.4.a liblua-5.4.a liblua54.a)
find_program(ECHO_READELF readelf)

# echo_host(NAME [SOURCE file] [LINK target...] [OPTIONS option...] [ARGUMENTS argument...])
#
# Builds spec/hosts/SOURCE.c (or NAME.c) and registers its run, with the module's folder and the
# ARGUMENTS, as the test hosts.NAME.
function(echo_host NAME)
  cmake_parse_arguments(HOST "" "SOURCE" "LINK;OPTIONS;ARGUMENTS" ${ARGN})
  if(NOT HOST_SOURCE)
    set(HOST_SOURCE ${NAME})
  endif()
  set(target spec-host-${NAME})
  add_executable(${target} hosts/${HOST_SOURCE}.c)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE ECHO__API_ITSELF)
  target_compile_options(${target} PRIVATE ${ECHO_WARNINGS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE echo_lua_headers Threads::Threads ${CMAKE_DL_LIBS}
    ${HOST_LINK})
  target_link_options(${target} PRIVATE ${HOST_OPTIONS})
  add_dependencies(${target} echo_module)
  add_test(NAME hosts.${NAME} COMMAND ${target} ${module_folder} ${HOST_ARGUMENTS})
  set_tests_properties(hosts.${NAME} PROPERTIES TIMEOUT ${ECHO_SPEC_SECONDS})
endfunction()

# -- how they come by Lua
list(GET LUA_TO_TEST_LINK_LIBRARIES 0 shared_lua)
echo_host(shared SOURCE plain LINK PkgConfig::LUA_TO_TEST)
echo_host(local ARGUMENTS ${shared_lua})
if(ECHO_STATIC_LUA)
  echo_host(exporting SOURCE plain LINK ${ECHO_STATIC_LUA} m OPTIONS -Wl,-E)
  echo_host(resolver LINK ${ECHO_STATIC_LUA} m ARGUMENTS ${shared_lua})
endif()
if(ECHO_READELF AND NOT ECHO_SANITIZE)
  add_test(NAME hosts.symbols
    COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/hosts/symbols.sh $<TARGET_FILE:echo_module>)
endif()

# -- how they live and end
foreach(name lives_on leaves reset per_thread manners popen suspended)
  echo_host(${name} LINK PkgConfig::LUA_TO_TEST)
endforeach()

# It looks for its threads in /proc.
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  echo_host(signals LINK PkgConfig::LUA_TO_TEST
    ARGUMENTS ${CMAKE_CURRENT_SOURCE_DIR}/hosts/signals.lua ${ECHO_SPEC_SECONDS})
  echo_spec_longjmp(spec-host-signals)
endif()

# What is left to a child by its parent's threads stays, as it should. The thread sanitizer knows no
# children that start threads.
if(NOT ECHO_SANITIZE MATCHES thread)
  echo_host(fork LINK PkgConfig::LUA_TO_TEST)
  set_tests_properties(hosts.fork PROPERTIES ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)
endif()

# -- another version
foreach(version 5.1 5.3)
  find_program(ECHO_LUA_${version} lua${version})
  if(ECHO_LUA_${version} AND NOT ECHO_SANITIZE)
    add_test(NAME hosts.lua-${version} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/hosts/version.sh
      ${module_folder} ${ECHO_LUA_${version}}
      "echo is built for Lua 5.4, and this program runs Lua ${version}")
  endif()
endforeach()

# -- real ones
find_program(ECHO_MLE mle)
find_program(ECHO_TMUX tmux)
if(ECHO_MLE AND ECHO_TMUX AND NOT ECHO_SANITIZE)
  add_test(NAME hosts.mle COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/hosts/mle.sh ${module_folder}
    ${CMAKE_CURRENT_SOURCE_DIR}/hosts/mle.lua ${PROJECT_SOURCE_DIR}/src)
  set_tests_properties(hosts.mle PROPERTIES TIMEOUT 360)
endif()
find_program(ECHO_PROSODY prosody)
if(ECHO_PROSODY AND NOT ECHO_SANITIZE)
  add_test(NAME hosts.prosody
    COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/hosts/prosody/prosody.sh ${module_folder})
  set_tests_properties(hosts.prosody PROPERTIES TIMEOUT 360)
endif()
