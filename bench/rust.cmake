# The part of bench-cpeers that is in Rust, as the target bench-rust and the program ECHO_BENCH_RUST: if
# there is a cargo, and the crates are where Debian's librust-rayon-dev and librust-tokio-dev put them.
# Nothing is downloaded. It is built from a copy, because cargo writes beside what it builds.
set(ECHO_CRATES /usr/share/cargo/registry CACHE PATH "Sources of crates, a folder each, for the benchmarks")
find_program(ECHO_CARGO cargo)
if(NOT ECHO_CARGO OR NOT EXISTS ${ECHO_CRATES} OR ECHO_SANITIZE)
  return()
endif()

set(folder ${CMAKE_CURRENT_BINARY_DIR}/rust)
set(crates --offline --config "source.crates-io.replace-with='local'"
  --config "source.local.directory='${ECHO_CRATES}'")
file(COPY ${CMAKE_CURRENT_SOURCE_DIR}/rust/ DESTINATION ${folder})
execute_process(COMMAND ${ECHO_CARGO} generate-lockfile --quiet ${crates} WORKING_DIRECTORY ${folder}
  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(failed)
  return()
endif()

set(ECHO_BENCH_RUST ${folder}/target/release/bench-rust)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/rust/src/*.rs)
add_custom_command(OUTPUT ${ECHO_BENCH_RUST}
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_CURRENT_SOURCE_DIR}/rust ${folder}
  COMMAND ${ECHO_CARGO} build --quiet --release ${crates} --target-dir ${folder}/target
  COMMAND ${CMAKE_COMMAND} -E touch ${ECHO_BENCH_RUST}
  DEPENDS ${sources} ${CMAKE_CURRENT_SOURCE_DIR}/rust/Cargo.toml
  WORKING_DIRECTORY ${folder}
  COMMENT "Building bench-rust" VERBATIM)
add_custom_target(bench-rust DEPENDS ${ECHO_BENCH_RUST})
