# bench-cpeers' program for Echo's original in Rust, ECHO_BENCH_ORIGINAL as the target bench-original: if
# there is a rustc, and the original lies compiled in the folder ECHO_ORIGINAL, as cargo leaves it: the
# library libEcho.rlib, and in deps what it was compiled with, of which its tokio and libc serve us, too.
set(ECHO_ORIGINAL "" CACHE PATH "Folder of Echo's original as a compiled crate, for the benchmarks")
find_program(ECHO_RUSTC rustc)
file(GLOB tokio ${ECHO_ORIGINAL}/deps/libtokio-*.rlib)
file(GLOB libc ${ECHO_ORIGINAL}/deps/liblibc-*.rlib)
if(NOT ECHO_RUSTC OR NOT EXISTS ${ECHO_ORIGINAL}/libEcho.rlib OR NOT tokio OR NOT libc OR ECHO_SANITIZE)
  return()
endif()

set(ECHO_BENCH_ORIGINAL ${CMAKE_CURRENT_BINARY_DIR}/original/bench-original)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/rust/src/*.rs)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/original)
add_custom_command(OUTPUT ${ECHO_BENCH_ORIGINAL}
  COMMAND ${ECHO_RUSTC} --edition 2021 -C opt-level=3 -C codegen-units=1 -C lto=fat --cfg feature="original"
    -L dependency=${ECHO_ORIGINAL}/deps --extern Echo=${ECHO_ORIGINAL}/libEcho.rlib
    --extern tokio=${tokio} --extern libc=${libc} -o ${ECHO_BENCH_ORIGINAL}
    ${CMAKE_CURRENT_SOURCE_DIR}/rust/src/main.rs
  DEPENDS ${sources} ${ECHO_ORIGINAL}/libEcho.rlib
  COMMENT "Building bench-original" VERBATIM)
add_custom_target(bench-original DEPENDS ${ECHO_BENCH_ORIGINAL})
