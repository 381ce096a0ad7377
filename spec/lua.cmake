# The specs of the Lua layer, as far as this machine can run them.
if(NOT ECHO_BUILD_MODULE)
  return()
endif()

pkg_search_module(LUA_TO_TEST IMPORTED_TARGET lua5.4 lua-5.4 lua54)
# The codec's spec has one thread: nothing for the thread sanitizer, which takes minutes over it.
if(LUA_TO_TEST_FOUND AND NOT ECHO_SANITIZE MATCHES thread)
  echo_spec(lua codec LINK PkgConfig::LUA_TO_TEST)
endif()
if(LUA_TO_TEST_FOUND)
  echo_spec(lua mailbox WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua pump LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua preempt LINK PkgConfig::LUA_TO_TEST)
  target_compile_definitions(spec-lua-preempt PRIVATE
    SPEC_PROGRAMS="${CMAKE_CURRENT_SOURCE_DIR}/lua/preempt")
  echo_spec(lua exhaust WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua refused WITH refusals.c WRAP ${ECHO_REFUSABLE} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua jump WITH jumps.c WRAP ${ECHO_CLOCKS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua stuck LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua embed WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua native WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua shared WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua channel WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua fork LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua buffer WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
  echo_spec(lua loan WITH allocations.c WRAP ${ECHO_ALLOCATIONS} LINK PkgConfig::LUA_TO_TEST)
endif()

if(LUA_TO_TEST_FOUND AND NOT APPLE)
  include(hosts/hosts.cmake)
endif()

# Libraries that luv_spec.lua finds in luv's place.
foreach(kind foreign old)
  add_library(spec-luv-${kind} MODULE lua/support/foreign_luv.c)
  set_target_properties(spec-luv-${kind} PROPERTIES PREFIX "" OUTPUT_NAME luv SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/luv/${kind})
endforeach()
target_compile_definitions(spec-luv-old PRIVATE OLD)
add_subdirectory(fuzz)

find_program(ECHO_LUA_INTERPRETER NAMES lua5.4 lua54 lua-5.4)
find_program(ECHO_BUSTED NAMES busted)
# The plain interpreter cannot load a module that was built with a sanitizer. The two semicolons at
# the end of a path stand for Lua's own default.
if(ECHO_LUA_INTERPRETER AND ECHO_BUSTED AND NOT ECHO_SANITIZE)
  foreach(folder lua examples)
    add_test(NAME ${folder}.busted
      COMMAND ${ECHO_LUA_INTERPRETER} ${ECHO_BUSTED} --pattern=_spec spec/${folder}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${folder}.busted PROPERTIES TIMEOUT 900 ENVIRONMENT
      "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\\;\\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;")
  endforeach()
endif()

# A thousandth of the benchmarks, so that they go on running.
if(ECHO_LUA_INTERPRETER AND ECHO_BUSTED AND ECHO_BUILD_BENCH AND NOT ECHO_SANITIZE AND NOT ECHO_SMALL)
  add_test(NAME bench.busted
    COMMAND ${ECHO_LUA_INTERPRETER} ${ECHO_BUSTED} --pattern=_spec spec/bench
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(bench.busted PROPERTIES TIMEOUT 600 ENVIRONMENT "ECHO_BUILD=${PROJECT_BINARY_DIR}")
endif()

# A recording opens in speedscope, where there is a browser.
if(ECHO_LUA_INTERPRETER AND NOT ECHO_SANITIZE)
  add_test(NAME lua.speedscope
    COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/speedscope/check.sh ${ECHO_LUA_INTERPRETER}
      ${PROJECT_BINARY_DIR}/speedscope)
  set_tests_properties(lua.speedscope PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;")
endif()

# The plain interpreter lacks the sanitizers; a host of our own has them.
if(LUA_TO_TEST_FOUND AND ECHO_SANITIZE)
  add_executable(spec-lua-host support/lua_host.c)
  target_compile_options(spec-lua-host PRIVATE ${ECHO_WARNINGS})
  target_link_libraries(spec-lua-host PRIVATE PkgConfig::LUA_TO_TEST Threads::Threads)
  echo_spec_longjmp(spec-lua-host)
endif()

# With it every spec in Lua runs under the sanitizers, too.
if(LUA_TO_TEST_FOUND AND ECHO_BUSTED AND ECHO_SANITIZE)
  set(followed all_any argument await await_callback attach channel current environment fd host_coroutine isolation
    libraries luv on_complete poll priority progress_values queue scope_patience semaphore setup
    submit task_yield travel_function)
  list(TRANSFORM followed REPLACE "(.+)" "spec/lua/\\1_spec.lua")
  # luv is loaded beforehand: busted forgets a file's modules after it, and luv cannot be opened twice.
  add_test(NAME lua.busted COMMAND spec-lua-host ${ECHO_BUSTED} -e "require 'luv'" --filter-out=Ctrl%-C
    "--filter-out=fails or is cancelled in the midst" ${followed}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(lua.busted PROPERTIES TIMEOUT 900 ENVIRONMENT
    "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\;${PROJECT_SOURCE_DIR}/?.lua\;\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\;\;;TSAN_OPTIONS=detect_deadlocks=0")
  include(sanitized.cmake)
endif()

# Random programs whose tasks, messages, permits and memory are accounted for: spec/stress, for
# ECHO_STRESS_SECONDS, the seeds going from 1 on; under the thread sanitizer by hand only. Under a
# sanitizer, which the plain interpreter lacks, they run in a host of our own.
set(ECHO_STRESS_SECONDS 10 CACHE STRING "Seconds of random programs among the tests; 0: none")
if(LUA_TO_TEST_FOUND AND ECHO_LUA_INTERPRETER AND ECHO_STRESS_SECONDS GREATER 0)
  set(stress_interpreter ${ECHO_LUA_INTERPRETER})
  if(ECHO_SANITIZE)
    set(stress_interpreter spec-lua-host)
  endif()
  set(stress_terms ECHO_STRESS_PATIENCE=60)
  if(ECHO_SANITIZE)
    list(APPEND stress_terms ECHO_STRESS_LEAVES=nothing)
  endif()
  if(NOT ECHO_SANITIZE MATCHES thread)
    add_test(NAME lua.stress
      COMMAND ${stress_interpreter} spec/stress/stress.lua ${ECHO_STRESS_SECONDS} 1
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    math(EXPR stress_timeout "${ECHO_STRESS_SECONDS} * 3 + 300")
    set_tests_properties(lua.stress PROPERTIES TIMEOUT ${stress_timeout} ENVIRONMENT
      "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\\;${PROJECT_SOURCE_DIR}/?.lua\\;\\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;;${stress_terms}")
  endif()
endif()

# Loads (docs/load.md), here with small numbers; half a minute of the soak with the plain build alone.
if(LUA_TO_TEST_FOUND AND ECHO_LUA_INTERPRETER)
  add_executable(spec-load-producers load/producers.c)
  target_compile_definitions(spec-load-producers PRIVATE _GNU_SOURCE)
  target_compile_options(spec-load-producers PRIVATE ${ECHO_WARNINGS})
  target_include_directories(spec-load-producers PRIVATE ${PROJECT_BINARY_DIR}/layers/lua)
  foreach(layer ${ECHO_BELOW_lua})
    target_sources(spec-load-producers PRIVATE $<TARGET_OBJECTS:echo_${layer}_objects>)
  endforeach()
  target_sources(spec-load-producers PRIVATE $<TARGET_OBJECTS:echo_lua_linked>)
  target_link_libraries(spec-load-producers PRIVATE
    PkgConfig::LUA_TO_TEST PkgConfig::LIBUV Threads::Threads ${CMAKE_DL_LIBS})
  echo_spec_longjmp(spec-load-producers)
  add_test(NAME load.producers COMMAND spec-load-producers 16 40000)

  set(load_interpreter ${ECHO_LUA_INTERPRETER})
  if(ECHO_SANITIZE)
    set(load_interpreter spec-lua-host)
  endif()
  add_test(NAME load.small COMMAND ${load_interpreter} spec/load/load.lua
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(load_tests load.producers load.small)
  if(NOT ECHO_SANITIZE AND NOT ECHO_SMALL)
    add_test(NAME load.soak COMMAND ${load_interpreter} spec/load/soak.lua 30
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    list(APPEND load_tests load.soak)
  endif()
  set_tests_properties(${load_tests} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\\;${PROJECT_SOURCE_DIR}/?.lua\\;\\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;")
endif()

# A few specs and a tour of the module under valgrind: what the sanitizers see they see as they compile
# it, and valgrind in what is compiled for use.
find_program(ECHO_VALGRIND valgrind)
if(ECHO_VALGRIND AND NOT ECHO_SANITIZE AND NOT ECHO_SMALL)
  set(memcheck ${ECHO_VALGRIND} --quiet --error-exitcode=9 --leak-check=full
    --errors-for-leak-kinds=definite,indirect)
  set(memcheck_tests memcheck.tour)
  add_test(NAME memcheck.tour COMMAND ${memcheck} ${ECHO_LUA_INTERPRETER} spec/memcheck/tour.lua
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  foreach(spec base-doorbell queue-create queue-order scheduler-start scheduler-held lua-mailbox lua-native
      lua-embed lua-buffer)
    add_test(NAME memcheck.${spec} COMMAND ${memcheck} $<TARGET_FILE:spec-${spec}>)
    list(APPEND memcheck_tests memcheck.${spec})
  endforeach()
  set_tests_properties(${memcheck_tests} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "LUA_PATH=${PROJECT_SOURCE_DIR}/lua/?.lua\\;\\;;LUA_CPATH=${PROJECT_BINARY_DIR}/module/?.so\\;\\;")
elseif(NOT ECHO_VALGRIND)
  add_test(NAME memcheck.none COMMAND ${CMAKE_COMMAND} -E echo "skipped: valgrind is not installed")
  set_tests_properties(memcheck.none PROPERTIES SKIP_REGULAR_EXPRESSION "skipped")
endif()
