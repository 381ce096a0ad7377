/*
 * A monotonic clock that jumps, as it seems to whoever was frozen with a machine. It is what Echo
 * sees of the time, and what its sleeps go by: all that end at a moment end when the clock has
 * passed it, be it by a jump. libuv's loops have a clock of their own, which does not jump.
 *
 * Whoever uses this is linked with --wrap for ECHO_CLOCKS in spec/CMakeLists.txt.
 */
#ifndef SPEC_SUPPORT_JUMPS_H
#define SPEC_SUPPORT_JUMPS_H

/* Moves the clock ahead, for all threads at once, those that sleep among them. */
void spec_jump(double seconds);

#endif
