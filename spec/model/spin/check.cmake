# cmake -D SPIN=... -D CC=... -D TEXT=... -D OUT=... -D DEFINES=... -D RESULT=... -P check.cmake
#
# Searches every state of a Promela text. RESULT: PASSED and MISSED, nothing is found; FOUND, an
# assertion fails or somebody is stuck where nobody may be.
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})
# A trail is written beside the text that the search was made from.
file(COPY ${TEXT} DESTINATION ${OUT})
get_filename_component(name ${TEXT} NAME)
separate_arguments(defines UNIX_COMMAND "${DEFINES}")

function(step WHAT)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${OUT} RESULT_VARIABLE status
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${WHAT} failed:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

step("spin" ${SPIN} ${defines} -a ${name})
step("the compiler" ${CC} -O1 -w -DSAFETY -o pan pan.c)
step("the search" ${OUT}/pan -m200000 -w22 -n)
message("${output}")

if(output MATCHES "max search depth too small|out of memory|not completed" AND NOT RESULT STREQUAL FOUND)
  message(FATAL_ERROR "the search was cut short")
endif()
if(output MATCHES "errors: 0")
  set(found FALSE)
elseif(output MATCHES "assertion violated|invalid end state")
  set(found TRUE)
else()
  message(FATAL_ERROR "the search ended for another reason")
endif()
if(RESULT STREQUAL FOUND AND NOT found)
  message(FATAL_ERROR "the seeded bug was NOT found")
elseif(found AND NOT RESULT STREQUAL FOUND)
  message(FATAL_ERROR "an error was found; step by step: cd ${OUT} && spin ${DEFINES} -t -p ${name}")
endif()
