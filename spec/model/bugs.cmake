# What the models change in the text of the core.
#
# told(MODELS FILE FROM TO): a plain variable that several threads use becomes one that the model
# watches, so that it finds data races.
#
# bug(MODEL.NAME RESULT FILE FROM TO): a seeded bug. FOUND: the model must find it. MISSED: it
# cannot; the comment says why.

told("deque deque4 injector idle whole" echo/queue.h
  [[struct echo_node *next;]] [[model::plain<struct echo_node *> next;]])
told("deque deque4 idle whole" queue/deque.h [[int64_t top_seen;]] [[model::plain<int64_t> top_seen;]])
told("injector idle whole" queue/injector.h 
  [[echo_node *stock, *newest;]] [[model::plain<echo_node *> stock, newest;]])
told("idle whole" echo/queue.h [[#define ECHO_PRIORITIES 3]] [[#define ECHO_PRIORITIES 1]])
told("idle whole" echo/queue.h
  [[ECHO_PRIORITY_LOW = -1,
  ECHO_PRIORITY_NORMAL = 0,]] [[ECHO_PRIORITY_LOW = 1, ECHO_PRIORITY_NORMAL = 1,]])
told("whole" scheduler/lane.c
  [[echo__add(&threads_seen, 1, relaxed) + 1]] [[model::self() + 1]])
told("whole" scheduler/lane.c [[static echo__atomic(unsigned) threads_seen;]] [[]])
told("whole" scheduler/lane.h [[int64_t handles;]] [[model::plain<int64_t> handles;]])
told("whole" scheduler/scheduler.h [[int64_t handles;]] [[model::plain<int64_t> handles;]])
told("whole" scheduler/task.h [[void *argument;
  void]] [[model::plain<void *> argument;
  void]])
told("whole" scheduler/waiters.h [[struct echo__waiter *next, **link;]]
  [[model::plain<struct echo__waiter *> next; model::plain<model::plain<struct echo__waiter *> *> link;]])
told("whole" scheduler/waiters.h [[echo__waiter *first;]] [[model::plain<echo__waiter *> first;]])
told("whole" scheduler/named_queue.h [[echo_node *first, **last;]]
  [[model::plain<echo_node *> first, *last;]])
# C++ does not jump over an initialization.
told("whole" scheduler/scheduler.c
  [[echo_queue_options options = {.workers = plan->workers, .fairness = plan->fairness};]]
  [[echo_queue_options options;]])

# -- deque -----------------------------------------------------------------------------------------

bug(deque.push-publish-relaxed FOUND queue/deque.c
  [[bottom + 1, release); /* PAIR deque.publish */
  return true;]]
  [[bottom + 1, relaxed);
  return true;]])
bug(deque.push-slot-late FOUND queue/deque.c
  [[  echo__store(&deque->slots[bottom & MASK], node, relaxed);
  echo__store(&deque->bottom, bottom + 1, release); /* PAIR deque.publish */]]
  [[  echo__store(&deque->bottom, bottom + 1, release);
  echo__store(&deque->slots[bottom & MASK], node, relaxed);]])
bug(deque.push-overfull FOUND queue/deque.c
  [[if (bottom - deque->top_seen >= ECHO__RING) return false;]]
  [[if (bottom - deque->top_seen > ECHO__RING) return false;]])
# C11 lets a relaxed store continue the release sequence of the pushes before it, C++20 and C23 do
# not. relacy's own atomics follow C11 here and miss it.
bug(deque.pop-lower-relaxed FOUND queue/deque.c
  [[echo__store(&deque->bottom, bottom, release);]] [[echo__store(&deque->bottom, bottom, relaxed);]])
# No bug at all: the fence before these two stores publishes what the pushes wrote.
bug(deque.pop-restore-relaxed MISSED queue/deque.c
  [[echo__store(&deque->bottom, bottom + 1, release); /* PAIR deque.publish */
    return NULL;]]
  [[echo__store(&deque->bottom, bottom + 1, relaxed);
    return NULL;]])
bug(deque.pop-last-restore-relaxed MISSED queue/deque.c
  [[echo__store(&deque->bottom, top + 1, release);]] [[echo__store(&deque->bottom, top + 1, relaxed);]])
bug(deque.pop-fence-dropped FOUND queue/deque.c
  [[echo__fence(seq_cst);                         /* PAIR deque.last */]] [[]])
bug(deque.pop-fence-acq-rel FOUND queue/deque.c
  [[echo__fence(seq_cst);                         /* PAIR deque.last */]] [[echo__fence(acq_rel);]])
bug(deque.pop-last-unclaimed FOUND queue/deque.c
  [[bool won = echo__cas(&deque->top, &expected, top + 1, seq_cst);]]
  [[bool won = true; echo__store(&deque->top, expected + 1, seq_cst);]])
bug(deque.pop-not-restored FOUND queue/deque.c
  [[echo__store(&deque->bottom, bottom + 1, release); /* PAIR deque.publish */
    return NULL;]] [[return NULL;]])
bug(deque.steal-fence-dropped FOUND queue/deque.c
  [[echo__fence(seq_cst);                                 /* PAIR deque.last */]] [[]])
bug(deque.steal-bottom-relaxed FOUND queue/deque.c
  [[echo__load(&deque->bottom, acquire); /* PAIR deque.publish */
  if (top >= bottom)]]
  [[echo__load(&deque->bottom, relaxed);
  if (top >= bottom)]])
bug(deque.steal-read-late FOUND queue/deque.c
  [[  *node = echo__load(&deque->slots[top & MASK], relaxed);
  bool won = echo__cas(&deque->top, &top, top + 1, seq_cst); /* PAIR deque.claim */]]
  [[  int64_t slot = top & MASK;
  bool won = echo__cas(&deque->top, &top, top + 1, seq_cst);
  *node = echo__load(&deque->slots[slot], relaxed);]])
# The thief's read of the slot would have to read what is written only after it: load buffering.
bug(deque.steal-claim-relaxed MISSED queue/deque.c
  [[bool won = echo__cas(&deque->top, &top, top + 1, seq_cst); /* PAIR deque.claim */
  return won]]
  [[bool won = echo__cas(&deque->top, &top, top + 1, relaxed);
  return won]])
bug(deque.oldest-unclaimed FOUND queue/deque.c
  [[while (!echo__cas_weak(&deque->top, &top, top + half, seq_cst)); /* PAIR deque.claim */]]
  [[while (false);
  echo__store(&deque->top, top + half, seq_cst);]])

bug(deque4.oldest-unlinked FOUND queue/deque.c
  [[node = node->next;]] [[]])

# -- injector --------------------------------------------------------------------------------------

bug(injector.push-relaxed FOUND queue/injector.h
  [[while (!echo__cas_weak(&injector->inbox, &head, last, seq_cst));]]
  [[while (!echo__cas_weak(&injector->inbox, &head, last, relaxed));]])
# The release is what the payload needs; seq_cst is what the submit's missing fence needs (idle).
bug(injector.push-unfenced FOUND queue/injector.h
  [[while (!echo__cas_weak(&injector->inbox, &head, last, seq_cst));]]
  [[while (!echo__cas_weak(&injector->inbox, &head, last, release));]])
bug(injector.open-relaxed FOUND queue/injector.c
  [[echo__exchange(&injector->inbox, NULL, acquire);]] [[echo__exchange(&injector->inbox, NULL, relaxed);]])
bug(injector.open-torn FOUND queue/injector.c
  [[echo__exchange(&injector->inbox, NULL, acquire);]]
  [[echo__load(&injector->inbox, acquire);
  echo__store(&injector->inbox, NULL, relaxed);]])
bug(injector.unlock-relaxed FOUND queue/injector.c
  [[echo__store(&injector->busy, false, release);]] [[echo__store(&injector->busy, false, relaxed);]])
bug(injector.lock-relaxed FOUND queue/injector.c
  [[!echo__exchange(&injector->busy, true, acquire);]] [[!echo__exchange(&injector->busy, true, relaxed);]])
bug(injector.lock-torn FOUND queue/injector.c
  [[!echo__exchange(&injector->busy, true, acquire);]] [[(echo__store(&injector->busy, true, relaxed), true);]])
bug(injector.stock-unannounced FOUND queue/injector.c
  [[echo__store(&injector->stocked, true, relaxed);]] [[]])
bug(injector.stock-overwritten FOUND queue/injector.c
  [[if (injector->stock == NULL)]] [[if (true)]])
bug(injector.stock-put-unlocked FOUND queue/injector.c
  [[while (!try_lock(injector))
    sched_yield();]] [[]])
bug(injector.chain-not-turned FOUND queue/injector.c
  [[  last->next = NULL;
  turn_round(first);
  echo__injector_push(injector, first, last);]] [[echo__injector_push(injector, last, first);]])

# -- idle ------------------------------------------------------------------------------------------

bug(idle.notify-fence-dropped FOUND scheduler/idle.c
  [[void echo__idle_notify(echo__idle *idle) {
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[void echo__idle_notify(echo__idle *idle) {]])
bug(idle.notify-fence-acq-rel FOUND scheduler/idle.c
  [[void echo__idle_notify(echo__idle *idle) {
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[void echo__idle_notify(echo__idle *idle) {
  echo__fence(acq_rel);]])
bug(idle.injected-searching-relaxed FOUND scheduler/idle.c
  [[if (echo__load(&idle->searching, seq_cst) != 0) return;]]
  [[if (echo__load(&idle->searching, relaxed) != 0) return;]])
bug(idle.injected-parked-relaxed FOUND scheduler/idle.c
  [[echo__load(&idle->parked[word], seq_cst);]] [[echo__load(&idle->parked[word], relaxed);]])
bug(idle.inject-release FOUND queue/injector.h
  [[while (!echo__cas_weak(&injector->inbox, &head, last, seq_cst));]]
  [[while (!echo__cas_weak(&injector->inbox, &head, last, release));]])
bug(idle.announce-fence-dropped FOUND scheduler/idle.c
  [[bit_of(worker), relaxed);
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[bit_of(worker), relaxed);]])
bug(idle.announce-fence-acq-rel FOUND scheduler/idle.c
  [[bit_of(worker), relaxed);
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[bit_of(worker), relaxed);
  echo__fence(acq_rel);]])
bug(idle.second-look-dropped FOUND scheduler/worker.c
  [[return phase == ECHO__STOPPED || has_reason(r->worker, r->waiter);]]
  [[return phase == ECHO__STOPPED;]])
bug(idle.rise-impatient FOUND scheduler/idle.c
  [[if (claimed) sleep_for(word, ECHO__CLAIMED, ECHO__FOREVER);]] [[]])
bug(idle.rise-keeps-tokens FOUND scheduler/idle.c
  [[echo__exchange(word, 0, acquire);]] [[]])
bug(idle.claim-unchecked FOUND scheduler/idle.c
  [[if (!clear_bit(idle, worker)) continue;]] [[clear_bit(idle, worker);]])
bug(idle.claim-uncounted FOUND scheduler/idle.c
  [[echo__add(&idle->searching, 1, relaxed);
    give_token]] [[give_token]])
bug(idle.claim-counted-late FOUND scheduler/idle.c
  [[echo__add(&idle->searching, 1, relaxed);
    give_token(idle, worker, ECHO__CLAIMED);]]
  [[give_token(idle, worker, ECHO__CLAIMED);
    echo__add(&idle->searching, 1, relaxed);]])
bug(idle.nudge-claims FOUND scheduler/idle.c
  [[give_token(idle, worker, ECHO__NUDGED);]] [[give_token(idle, worker, ECHO__CLAIMED);]])
bug(idle.sleep-unannounced FOUND scheduler/idle.c
  [[uint32_t asleep = seen | ECHO__ASLEEP;]] [[uint32_t asleep = seen;]])
bug(idle.found-no-look FOUND scheduler/worker.c
  [[if (more || echo_queue_has_work(s->queue))]] [[if (more)]])
bug(idle.found-fence-dropped FOUND scheduler/worker.c
  [[  echo__fence(seq_cst); /* PAIR idle.announce */
  if (more]] [[  if (more]])
bug(idle.found-more-ignored FOUND scheduler/worker.c
  [[  else if (taken->more)
    echo__idle_notify(&s->idle);]] [[]])
bug(idle.rest-still-counted FOUND scheduler/worker.c
  [[    worker->searching = false;
    echo__idle_stop_searching(&s->idle);]] [[    worker->searching = false;]])
# Work that the second look found is found like any other: what is left of it needs a look, too.
bug(idle.look-uncounted FOUND scheduler/idle.c
  [[if (stays) echo__add(&idle->searching, 1, relaxed);
  return stays;]] [[return false;]])
# One that is not the last relies on the last, whose look must come after what the one made visible.
bug(idle.stop-searching-relaxed FOUND scheduler/idle.c
  [[echo__sub(&idle->searching, 1, seq_cst) == 1;]] [[echo__sub(&idle->searching, 1, relaxed) == 1;]])

# -- whole -----------------------------------------------------------------------------------------

bug(whole.wait-goes-on-searching FOUND scheduler/task.c
  [[if (worker != NULL) echo__worker_go_on(worker);]] [[]])
bug(whole.end-relaxed FOUND scheduler/task.c
  [[while (!echo__cas_weak(&task->word, &word, ended, acq_rel));]]
  [[while (!echo__cas_weak(&task->word, &word, ended, relaxed));]])
# No bug: whoever sees the end asks for the status next, and that load acquires.
bug(whole.ended-relaxed MISSED scheduler/task.h
  [[echo__load(&task->word, acquire); /* PAIR task.state */]] [[echo__load(&task->word, relaxed);]])
bug(whole.begin-unclaimed FOUND scheduler/task.c
  [[while (
      !echo__cas_weak(&task->word, &word, with_state(word, to), acq_rel)); /* PAIR task.state */]]
  [[while (false);
  echo__store(&task->word, with_state(word, to), release);]])
bug(whole.drop-relaxed FOUND scheduler/task.c
  [[echo__sub(&task->word, ECHO__REFERENCE, acq_rel)]] [[echo__sub(&task->word, ECHO__REFERENCE, relaxed)]])
bug(whole.watch-early FOUND scheduler/waiters.c
  [[if (waits) link_in(waiters, waiter);
  uv_mutex_unlock(&waiters->mutex);]]
  [[uv_mutex_unlock(&waiters->mutex);
  uv_mutex_lock(&waiters->mutex);
  if (waits) link_in(waiters, waiter);
  uv_mutex_unlock(&waiters->mutex);]])
bug(whole.unwatched FOUND scheduler/waiters.c
  [[echo__or(&task->word, ECHO__WATCHED, acq_rel);]] [[echo__load(&task->word, acquire);]])
bug(whole.lanes-not-passed FOUND scheduler/stop.c
  [[echo__lanes_pass(s->lanes);
  if]] [[if]])
bug(whole.lane-released-relaxed FOUND scheduler/lane.c
  [[echo__store(&lane->busy, false, release);]] [[echo__store(&lane->busy, false, relaxed);]])
bug(whole.phase-unfenced FOUND scheduler/stop.c
  [[  echo__fence(seq_cst);                   /* PAIR idle.announce */]] [[]])
bug(whole.no-progress FOUND scheduler/worker.c
  [[if (phase >= ECHO__DRAINING) echo__progress(s);]] [[]])
bug(whole.submitted-uncounted FOUND scheduler/scheduler.c
  [[echo__bump(&lane->submitted, 1);]] [[]])
bug(whole.balance-turned FOUND scheduler/stop.c
  [[  uint64_t ended = sum_ended(s);
  return sum_submitted(s) - ended;]]
  [[  uint64_t submitted = sum_submitted(s);
  return submitted - sum_ended(s);]])
bug(whole.stop-no-nudge FOUND scheduler/worker.c
  [[echo__idle_nudge_all(&s->idle);]] [[]])
bug(whole.named-uncounted FOUND scheduler/named_queue.c [[queue->running++;]] [[]])
bug(whole.named-slot-kept FOUND scheduler/end.c
  [[  if ((task->flags & ECHO__DETACHED) || settle(s, task, state, 1)) echo__free_task(s, task);
  if (held != NULL) echo__named_carry_out(s, echo__named_give_back(held));]]
  [[  if ((task->flags & ECHO__DETACHED) || settle(s, task, state, 1)) echo__free_task(s, task);]])
bug(whole.lost-untold FOUND scheduler/stop.c
  [[echo__waiters_wake(&s->waiters, NULL);]] [[]])
bug(whole.orphans-uncounted FOUND scheduler/stop.c
  [[count_orphans(s) + 1, relaxed);]] [[1, relaxed);]])
bug(whole.again-still-running FOUND scheduler/worker.c
  [[if (!(task->flags & ECHO__DETACHED) && !echo__task_requeue(task)) return false;]] [[]])
