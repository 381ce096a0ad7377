/*
 * The tasks that a state has in flight on a scheduler which it does not own. It answers for them:
 * if it closes they are cancelled, since nobody would be there for their results; what others have
 * submitted goes on.
 *
 * The list belongs to the state's client and to the charges in it, by a count. Its mutex guards the
 * links; a charge is taken out, on whatever thread, when the core task that had its job has ended.
 */
#ifndef ECHO_LUA_CHARGE_H
#define ECHO_LUA_CHARGE_H

#include "lua/job.h"

/* Puts a job that is about to be submitted into the client's list, unless the client owns the
 * scheduler or is a worker's. ECHO_OK or ECHO_MEMORY. The client's thread. */
int echo__charge_begin(echo__client *client, echo__job *job);

/* The job has ended, and its core task; or it was refused. Idempotent. Any thread. */
void echo__charge_end(echo__job *job);

/* Cancels what is left in the client's list, and gives the list up. The client's thread. */
void echo__charges_close(echo__client *client);

#endif
