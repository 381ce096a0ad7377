/* For models in which nobody is interrupted: what the scheduler calls for it. */
#ifndef MODEL_QUIET_HPP
#define MODEL_QUIET_HPP

#include "scheduler/scheduler.h"

int echo__interrupts_init(echo__interrupts *, const echo__plan *) {
  return ECHO_OK;
}
void echo__interrupts_close(echo__interrupts *, unsigned) {
}
void echo__interrupts_use_clock(echo_scheduler *) {
}
void echo__bell_open(echo__worker *) {
}
void echo__bell_shut(echo__worker *) {
}
void echo__interrupts_enter(echo__worker *, bool) {
}
void echo__interrupts_rest(echo__worker *) {
}
void echo__interrupts_ask(echo_scheduler *, echo_priority) {
}
void echo__interrupts_ask_worker(echo_scheduler *, unsigned, echo_priority) {
}
void echo__interrupts_look(echo_scheduler *, echo_priority) {
}
void echo__interrupts_call(echo_scheduler *, unsigned) {
}
void echo__fork_forget(echo_scheduler *) {
}
void echo__interrupts_call_all(echo_scheduler *) {
}

#endif
