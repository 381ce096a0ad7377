/*
 * For programs with Lua under the thread sanitizer, which knows longjmp, and not the checked one
 * that a distribution's Lua calls: it would take each function that an error or a yield leaves for
 * one that goes on. Its reports then show callers that have long returned, it takes gigabytes, and
 * in a thread of many errors its own stack of them overflows. Whoever is linked with this exports
 * it, so that the shared Lua finds it before the C library's.
 */
#include <setjmp.h>

__attribute__((visibility("default"))) _Noreturn void __longjmp_chk(jmp_buf place, int value);

_Noreturn void __longjmp_chk(jmp_buf place, int value) {
  longjmp(place, value);
}
