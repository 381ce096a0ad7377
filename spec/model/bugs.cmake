# What the models change in the text of the core.
#
# told(MODELS FILE FROM TO): a plain variable that several threads use becomes one that the model
# watches, so that it finds data races.
#
# bug(MODEL.NAME RESULT FILE FROM TO): a seeded bug. FOUND: the model must find it. MISSED: it
# cannot; the comment says why.

told("lock" base/lock.c [[enum { LOOKS = 100 };]] [[enum { LOOKS = 1 };]])
told("deque deque4 injector idle branch urgent whole suspend slots" echo/queue.h
  [[struct echo_node *next;]] [[model::plain<struct echo_node *> next;]])
told("deque deque4 idle branch urgent whole suspend" queue/deque.h [[int64_t top_seen;]] [[model::plain<int64_t> top_seen;]])
told("injector idle branch urgent whole suspend" queue/injector.h 
  [[echo_node *stock, *newest;]] [[model::plain<echo_node *> stock, newest;]])
told("idle branch whole suspend" echo/queue.h [[#define ECHO_PRIORITIES 3]] [[#define ECHO_PRIORITIES 1]])
told("idle branch whole suspend" echo/queue.h
  [[ECHO_PRIORITY_LOW = -1,
  ECHO_PRIORITY_NORMAL = 0,]] [[ECHO_PRIORITY_LOW = 1, ECHO_PRIORITY_NORMAL = 1,]])
told("urgent" echo/queue.h [[#define ECHO_PRIORITIES 3]] [[#define ECHO_PRIORITIES 2]])
told("urgent" echo/queue.h [[ECHO_PRIORITY_LOW = -1,]] [[ECHO_PRIORITY_LOW = 0,]])
told("whole suspend" scheduler/lane.c
  [[echo__add(&threads_seen, 1, relaxed) + 1]] [[model::self() + 1]])
told("whole suspend" scheduler/lane.c [[static echo__atomic(unsigned) threads_seen;]] [[]])
told("whole suspend" scheduler/lane.h [[int64_t handles;]] [[model::plain<int64_t> handles;]])
told("whole suspend" scheduler/scheduler.h [[int64_t handles;]] [[model::plain<int64_t> handles;]])
told("whole suspend" scheduler/task.h [[  union {
    struct {
      echo_task_function function;
      void *argument;
    };
    echo_trace_result result; /* once it has ended */
  };
]] [[  echo_task_function function;
  model::plain<void *> argument;
  static inline echo_trace_result result;
]])
told("whole suspend" scheduler/waiters.h [[struct echo__waiter *next, **link;]]
  [[model::plain<struct echo__waiter *> next; model::plain<model::plain<struct echo__waiter *> *> link;]])
told("whole suspend" scheduler/waiters.h [[echo__waiter *first;]] [[model::plain<echo__waiter *> first;]])
told("whole suspend slots" scheduler/named_queue.h [[echo_node *first, **last;]]
  [[model::plain<echo_node *> first, *last;]])
told("whole suspend slots" scheduler/named_queue.h [[unsigned running;]] [[model::plain<unsigned> running;]])
told("whole suspend slots" scheduler/named_queue.h [[echo_node *spare;]] [[model::plain<echo_node *> spare;]])
told("slots" scheduler/task.h [[uint8_t flags;]] [[model::plain<uint8_t> flags;]])
told("whole suspend" scheduler/held.h [[echo_node *first;]] [[model::plain<echo_node *> first;]])
told("whole suspend" scheduler/held.h [[bool closed;]] [[model::plain<bool> closed;]])
told("whole suspend" scheduler/scheduler.h [[bool has_thread;]] [[model::plain<bool> has_thread;]])
told("whole suspend" scheduler/task.h [[echo_node **link;]] [[model::plain<echo_node *> *link;]])
told("whole suspend" scheduler/task.h [[uint16_t home;]] [[model::plain<uint16_t> home;]])
told("whole suspend" scheduler/bound.h [[uint32_t count, room;]] [[model::plain<uint32_t> count, room;]])
told("idle branch urgent whole suspend" queue/pinned.h [[echo_node *first, *last;]]
  [[model::plain<echo_node *> first, last;]])
told("idle branch urgent interrupt whole suspend" echo/branch.h [[uint32_t word;]] [[model::atomic<uint32_t> word;]])
told("branch" echo/branch.h [[  void (*function)(void *argument);
  void *argument;
  void *worker;]] [[  model::plain<void (*)(void *)> function;
  model::plain<void *> argument;
  model::plain<void *> worker;]])
told("channel" lua/channel.h [[bool closed;]] [[model::plain<bool> closed;]])
told("channel" lua/channel.h [[bool orphaned;]] [[model::plain<bool> orphaned;]])
told("channel" lua/channel.h [[unsigned holding;]] [[model::plain<unsigned> holding;]])
told("channel" lua/channel.h [[size_t count;]] [[model::plain<size_t> count;]])
told("channel" lua/channel.h [[echo__parcel *first, *last;]] [[model::plain<echo__parcel *> first, last;]])
told("channel" lua/channel.h [[echo__parcel *empty;]] [[model::plain<echo__parcel *> empty;]])
told("channel" lua/channel.c [[echo__parcel **place]] [[model::plain<echo__parcel *> *place]])
told("channel" lua/waitlist.h [[  echo__waiting waiting;
}]] [[  model::plain<echo__waiting> waiting;
}]])
told("channel" lua/channel.c [[static void leave(echo__channel *channel) {]]
  [[static void leave(echo__channel *channel) {
  model_look(channel);]])
# C++ does not jump over an initialization.
told("whole suspend" scheduler/scheduler.c
  [[echo_queue_options options = {
      .workers = plan->workers, .fairness = plan->fairness, .priority_of = priority_of};]]
  [[echo_queue_options options;]])

# -- lock ------------------------------------------------------------------------------------------

bug(lock.take-relaxed FOUND base/lock.h
  [[ECHO__LOCK_HELD, acquire)) /* PAIR lock.word */]] [[ECHO__LOCK_HELD, relaxed))]])
bug(lock.look-relaxed FOUND base/lock.c
  [[ECHO__LOCK_HELD, acquire)) /* PAIR lock.word */]] [[ECHO__LOCK_HELD, relaxed))]])
bug(lock.sleeper-relaxed FOUND base/lock.c
  [[ECHO__LOCK_AWAITED, acquire) != ECHO__LOCK_FREE]] [[ECHO__LOCK_AWAITED, relaxed) != ECHO__LOCK_FREE]])
bug(lock.give-relaxed FOUND base/lock.h
  [[ECHO__LOCK_FREE, release); /* PAIR lock.word */]] [[ECHO__LOCK_FREE, relaxed);]])
bug(lock.give-unheard FOUND base/lock.h
  [[if (found == ECHO__LOCK_AWAITED) echo__word_wake_one(&lock->word);]] [[(void)found;]])
# Who has slept must not forget those who sleep still.
bug(lock.sleeper-takes-held FOUND base/lock.c
  [[    echo__word_wait(&lock->word, ECHO__LOCK_AWAITED, ECHO__FOREVER);]]
  [[    if (echo__word_wait(&lock->word, ECHO__LOCK_AWAITED, ECHO__FOREVER) == ECHO__WOKEN) {
      uint32_t f = ECHO__LOCK_FREE;
      if (echo__cas(&lock->word, &f, ECHO__LOCK_HELD, acquire)) return;
    }]])

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
  [[bool echo__idle_notify(echo__idle *idle) {
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[bool echo__idle_notify(echo__idle *idle) {]])
bug(idle.notify-fence-acq-rel FOUND scheduler/idle.c
  [[bool echo__idle_notify(echo__idle *idle) {
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[bool echo__idle_notify(echo__idle *idle) {
  echo__fence(acq_rel);]])
bug(idle.injected-searching-relaxed FOUND scheduler/idle.c
  [[if (echo__load(&idle->searching, seq_cst) != 0) return true;]]
  [[if (echo__load(&idle->searching, relaxed) != 0) return true;]])
bug(idle.injected-parked-relaxed FOUND scheduler/idle.c
  [[echo__load(&idle->parked[word], seq_cst);]] [[echo__load(&idle->parked[word], relaxed);]])
bug(idle.inject-release FOUND queue/injector.h
  [[while (!echo__cas_weak(&injector->inbox, &head, last, seq_cst));]]
  [[while (!echo__cas_weak(&injector->inbox, &head, last, release));]])
bug(idle.announce-fence-dropped FOUND scheduler/idle.c
  [[set_bit(idle, worker);
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[set_bit(idle, worker);]])
bug(idle.announce-fence-acq-rel FOUND scheduler/idle.c
  [[set_bit(idle, worker);
  echo__fence(seq_cst); /* PAIR idle.announce */]]
  [[set_bit(idle, worker);
  echo__fence(acq_rel);]])
bug(idle.second-look-dropped FOUND scheduler/worker.c
  [[return phase == ECHO__STOPPED || has_reason(r->worker, r->awaited);]]
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
  [[  else
    give_token(idle, worker, ECHO__NUDGED);]]
  [[  else
    give_token(idle, worker, ECHO__CLAIMED);]])
bug(idle.sleep-in-loop-unannounced FOUND scheduler/idle.c
  [[seen | ECHO__ASLEEP_IN_LOOP, release)]] [[seen, release)]])
bug(idle.sleep-in-loop-no-look FOUND scheduler/idle.c
  [[  uint32_t seen = echo__load(word, relaxed);
  do {
    if (seen & tokens) return;
  } while]]
  [[  uint32_t seen = echo__load(word, relaxed);
  do {
  } while]])
bug(idle.token-no-knock FOUND scheduler/idle.c
  [[if (before & ECHO__ASLEEP_IN_LOOP)]] [[if (0)]])
bug(idle.sleep-unannounced FOUND scheduler/idle.c
  [[uint32_t asleep = seen | ECHO__ASLEEP;]] [[uint32_t asleep = seen;]])
bug(idle.found-no-look FOUND scheduler/worker.c
  [[if (!more && !echo_queue_has_work(s->queue)) return;]] [[if (!more) return;]])
bug(idle.found-fence-dropped FOUND scheduler/worker.c
  [[  echo__fence(seq_cst); /* PAIR idle.announce */
  if (!more]] [[  if (!more]])
bug(idle.found-more-ignored FOUND scheduler/worker.c
  [[  else if (taken->more)
    echo__notify(s, taken->priority);]] [[]])
bug(idle.rest-still-counted FOUND scheduler/worker.c
  [[  worker->searching = false;
  echo__idle_stop_searching(idle_of(worker));]] [[  worker->searching = false;]])
# Work that the second look found is found like any other: what is left of it needs a look, too.
bug(idle.look-uncounted FOUND scheduler/idle.c
  [[if (stays) echo__add(&idle->searching, 1, relaxed);
  return stays;]] [[return false;]])
# Workers without a thread.
bug(idle.absent-given-a-token FOUND scheduler/idle.c
  [[if (is_absent(idle, worker)) return call_up(idle, worker);]] [[]])
bug(idle.absent-until-called FOUND scheduler/idle.c
  [[  echo__and(&idle->absent[worker / WORD_BITS], ~bit_of(worker), relaxed);
  if (idle->call_up(idle->context, worker)) return true;]]
  [[  if (idle->call_up(idle->context, worker)) {
    echo__and(&idle->absent[worker / WORD_BITS], ~bit_of(worker), relaxed);
    return true;
  }]])
bug(idle.absent-handed-on-relaxed FOUND scheduler/idle.c
  [[echo__or(word_of(idle, worker), bit_of(worker), release);]]
  [[echo__or(word_of(idle, worker), bit_of(worker), relaxed);]])
bug(idle.absent-taken-relaxed FOUND scheduler/idle.c
  [[echo__and(word_of(idle, worker), ~bit, acquire) & bit;]]
  [[echo__and(word_of(idle, worker), ~bit, relaxed) & bit;]])
bug(idle.absent-not-expected-again FOUND scheduler/idle.c
  [[  echo__idle_expect(idle, worker);
  return false;]] [[  return false;]])
bug(idle.absent-first FOUND scheduler/idle.c
  [[uint64_t present = bits & ~echo__load(&idle->absent[word], relaxed);]]
  [[uint64_t present = bits & echo__load(&idle->absent[word], relaxed);]])
bug(idle.absent-comes-unsearching FOUND scheduler/worker.c
  [[  if (!worker->searching) echo__idle_begin_search(idle_of(worker));
  worker->searching = true;]] [[]])
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
  [[while (!swap(task, &word, with_state(word & ~(uint32_t)ECHO__RESUMED, ECHO_TASK_RUNNING)));]]
  [[while (false);
  echo__store(&task->word, with_state(word, ECHO_TASK_RUNNING), release);]])
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
  [[    set_phase(s, ECHO__DRAINING);
    echo__lanes_pass(s->lanes);]] [[    set_phase(s, ECHO__DRAINING);]])
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
bug(whole.stop-no-nudge FOUND scheduler/crew.c
  [[echo__idle_nudge_all(&s->idle);]] [[]])
bug(whole.called-when-stopped FOUND scheduler/crew.c
  [[if (echo__load(&s->phase, relaxed) != ECHO__STOPPED) {]] [[{]])
bug(whole.crew-unsettled FOUND scheduler/crew.c
  [[  settle_crew(s);]] [[]])
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

bug(whole.cancelled-slot-kept FOUND scheduler/end.c
  [[  if (echo__task_drop(task)) echo__free_task(s, task);
  if (held != NULL) echo__named_carry_out(s, echo__named_give_back(held));]]
  [[  if (echo__task_drop(task)) echo__free_task(s, task);]])
bug(whole.named-surplus-kept FOUND scheduler/end.c
  [[if (orders.surplus != NULL) echo__free_task(s, orders.surplus);]] [[]])

# -- slots of a named queue ------------------------------------------------------------------------

bug(slots.limit-ignored FOUND scheduler/named_queue.c
  [[queue->running < queue->limit ? take_best(queue, lowest) : NULL;]] [[take_best(queue, lowest);]])
bug(slots.limit-off-by-one FOUND scheduler/named_queue.c
  [[queue->running < queue->limit ?]] [[queue->running <= queue->limit ?]])
bug(slots.freed-not-handed-on FOUND scheduler/named_queue.c
  [[  queue->running--;
  echo__named_orders orders = issue(queue);]]
  [[  queue->running--;
  echo__named_orders orders = {NULL, NULL};]])
bug(slots.never-freed FOUND scheduler/named_queue.c [[queue->running--;]] [[]])
bug(slots.given-back-unlocked FOUND scheduler/named_queue.c
  [[  uv_mutex_lock(&queue->mutex);
  queue->running--;]]
  [[  queue->running--;
  uv_mutex_lock(&queue->mutex);]])
# A ticket may be spent on a more urgent task than its own, whose class then lacks one.
bug(slots.redeemed-not-replaced FOUND scheduler/named_queue.c
  [[    (*task)->flags |= ECHO__HAS_SLOT;
  }
  echo__named_orders orders = issue(queue);]]
  [[    (*task)->flags |= ECHO__HAS_SLOT;
  }
  echo__named_orders orders = {NULL, NULL};]])
bug(slots.ticket-still-out FOUND scheduler/named_queue.c
  [[class_of(queue, lowest)->tickets--;]] [[]])
bug(slots.ticket-for-anything FOUND scheduler/named_queue.c
  [[take_best(queue, lowest) : NULL;]] [[take_best(queue, ECHO_PRIORITY_LOW) : NULL;]])
bug(slots.least-urgent-first FOUND scheduler/named_queue.c
  [[  for (int i = 0; i <= ECHO_PRIORITY_HIGH - lowest; i++) {]]
  [[  for (int i = ECHO_PRIORITY_HIGH - lowest; i >= 0; i--) {]])
bug(slots.held-unreserved FOUND scheduler/named_queue.c
  [[wanted = queue->reserved;]] [[wanted = 0;]])
bug(slots.reserved-for-ever FOUND scheduler/named_queue.c
  [[echo__named_unreserve(echo__named_queue *queue) {
  uv_mutex_lock(&queue->mutex);
  queue->reserved--;]]
  [[echo__named_unreserve(echo__named_queue *queue) {
  uv_mutex_lock(&queue->mutex);]])
bug(slots.surplus-kept FOUND scheduler/named_queue.c
  [[if (owned > wanted) orders.surplus]] [[if (false) orders.surplus]])
bug(slots.evicted-unlocked FOUND scheduler/named_queue.c
  [[  uv_mutex_lock(&queue->mutex);
  echo_task *task = take_best(queue, ECHO_PRIORITY_LOW);]]
  [[  echo_task *task = take_best(queue, ECHO_PRIORITY_LOW);
  uv_mutex_lock(&queue->mutex);]])

# -- suspending ------------------------------------------------------------------------------------

bug(idle.pin-unfenced FOUND queue/pinned.h
  [[while (!echo__cas_weak(&pinned->inbox, &head, node, seq_cst));]]
  [[while (!echo__cas_weak(&pinned->inbox, &head, node, release));]])
bug(idle.pin-relaxed FOUND queue/pinned.h
  [[while (!echo__cas_weak(&pinned->inbox, &head, node, seq_cst));]]
  [[while (!echo__cas_weak(&pinned->inbox, &head, node, relaxed));]])
bug(idle.pinned-open-relaxed FOUND queue/pinned.c
  [[echo__exchange(&pinned->inbox, NULL, acquire);]] [[echo__exchange(&pinned->inbox, NULL, relaxed);]])
bug(idle.pin-wakes-nobody FOUND scheduler/idle.c
  [[if (bits & bit_of(worker)) give_token(idle, worker, ECHO__NUDGED);]] [[]])
bug(idle.pin-look-relaxed FOUND scheduler/idle.c
  [[echo__load(word_of(idle, worker), seq_cst);]] [[echo__load(word_of(idle, worker), relaxed);]])
# One claimed for shared work and one nudged for its own: each has to be told from the other.
bug(idle.pin-claims FOUND scheduler/idle.c
  [[if (bits & bit_of(worker)) give_token(idle, worker, ECHO__NUDGED);]]
  [[if (bits & bit_of(worker)) give_token(idle, worker, ECHO__CLAIMED);]])
bug(idle.token-asleep-forgotten FOUND scheduler/idle.c
  [[if (before & token) return;]] [[if (before & (ECHO__CLAIMED | ECHO__NUDGED)) return;]])
bug(idle.second-look-unpinned FOUND scheduler/worker.c
  [[return echo__has_work_for(worker, ECHO_PRIORITY_LOW) ||]]
  [[return echo_queue_has_work(worker->scheduler->queue) ||]])
bug(idle.turn-unlooked FOUND scheduler/worker.c
  [[  if (worker->searching) end_search(worker, false);
  echo__loop_turn]]
  [[  stop_searching(worker);
  echo__loop_turn]])

# Workers for high tasks: a wake-up for others is not for them; each way on which one has to be woken,
# and what it looks for before it sleeps.
bug(urgent.woken-for-any FOUND scheduler/scheduler.h
  [[  if (echo__idle_notify_injected(&scheduler->idle)) return;]]
  [[  if (echo__idle_notify_injected(&scheduler->urgent)) return;
  if (echo__idle_notify_injected(&scheduler->idle)) return;]])
bug(urgent.never-woken FOUND scheduler/scheduler.h
  [[  return echo__idle_notify_injected(&scheduler->urgent);]] [[  return false;]])
bug(urgent.not-handed-on FOUND scheduler/worker.c
  [[  return echo__notify_urgent(s, ECHO_PRIORITY_HIGH);]] [[  return false;]])
bug(urgent.sleeps-among-others FOUND scheduler/worker.c
  [[  return echo__is_urgent(worker) ? &s->urgent : &s->idle;]] [[  return &s->idle;]])
bug(urgent.looks-for-pinned-only FOUND scheduler/scheduler.h
  [[echo_queue_has_pinned_from(queue, worker->index, priority) ||
         echo_queue_has_work_from(queue, ECHO_PRIORITY_HIGH);]]
  [[echo_queue_has_pinned_from(queue, worker->index, priority);]])
bug(urgent.leaves-pinned FOUND queue/take.c
  [[    outcome = take_pinned(q, worker, class, taken);
  if (outcome == ECHO_STEAL_TAKEN) note_passed]] [[    break;
  if (outcome == ECHO_STEAL_TAKEN) note_passed]])

bug(suspend.resumed-ignored FOUND scheduler/task.c
  [[bool goes_on = (cancels && !(word & ECHO__CANCEL)) || (word & ECHO__RESUMED);]]
  [[bool goes_on = cancels && !(word & ECHO__CANCEL);]])
bug(suspend.resumed-kept FOUND scheduler/task.c
  [[with_state(word & ~(uint32_t)ECHO__RESUMED, ECHO_TASK_RUNNING)]]
  [[with_state(word, ECHO_TASK_RUNNING)]])
# What was written before a resume that finds the task queued is not seen by the call that follows.
bug(suspend.resume-of-queued-silent FOUND scheduler/task.c
  [[    if (ended_in(word)) return false;
    suspended]]
  [[    if (ended_in(word) || state_in(word) == ECHO_TASK_QUEUED) return false;
    suspended]])
bug(suspend.resume-before-list FOUND scheduler/suspend.c
  [[  echo__held_leave(&s->held, task);
  echo__publish_held(s, task);]]
  [[  echo__publish_held(s, task);
  echo__held_leave(&s->held, task);]])
# It takes two preemptions, and trying all of these two minutes: it is found when suspend_release is
# given them.
bug(suspend.resume-without-lane MISSED scheduler/suspend.c
  [[return echo__own_worker(s) == NULL ? echo__lane_enter(s->lanes) : NULL;]] [[return NULL;]])
bug(suspend.cancel-no-resume FOUND scheduler/task.c
  [[word |= ECHO__CANCEL | (runs ? ECHO__RESUMED : 0);]] [[word |= ECHO__CANCEL;]])
bug(suspend.cancel-not-queued FOUND scheduler/suspend.c
  [[if (asks && bound && state == ECHO_TASK_SUSPENDED) pin(s, lane, task);]] [[]])
bug(suspend.cancel-too-late FOUND scheduler/end.c
  [[return echo__task_close(task) ? ECHO_TASK_CANCELLED : state;]]
  [[return echo__load(&task->word, relaxed) & ECHO__CANCEL ? ECHO_TASK_CANCELLED : state;]])
bug(suspend.stop-rouses-nobody FOUND scheduler/stop.c
  [[echo__order_all(s, ECHO__ROUSE);]] [[]])
bug(suspend.suspends-while-cancelling FOUND scheduler/suspend.c
  [[bool cancels = echo__load(&s->phase, relaxed) >= ECHO__CANCELLING;]] [[bool cancels = false;]])
bug(suspend.orders-relaxed FOUND scheduler/suspend.c
  [[echo__exchange(&worker->orders, 0, acquire);]] [[echo__exchange(&worker->orders, 0, relaxed);]])
bug(suspend.held-left-behind FOUND scheduler/stop.c
  [[echo__cancel_held(s);]] [[]])
bug(suspend.held-seized-unchecked FOUND scheduler/held.c
  [[if (!echo__task_seize(echo__task_of(node))) continue;]] [[echo__task_seize(echo__task_of(node));]])
bug(suspend.lost-not-ended FOUND scheduler/worker.c
  [[  echo__end_lost(worker);]] [[]])
bug(suspend.not-wound-up FOUND scheduler/worker.c
  [[  wind_up(worker);]] [[]])

# -- branch ----------------------------------------------------------------------------------------

bug(branch.unnotified FOUND scheduler/branch.c
  [[  else if (!echo__idle_notify(&s->idle))]] [[  else if (false)]])
bug(branch.unfenced FOUND scheduler/branch.c
  [[  else if (!echo__idle_notify(&s->idle))]] [[  else if (!echo__idle_notify_injected(&s->idle))]])
bug(branch.offered-late FOUND scheduler/branch.c
  [[  echo__store(word_of(branch), OFFERED, relaxed);
  if (!echo_queue_offer]] [[  if (!echo_queue_offer]])
bug(branch.kept-unsaid FOUND scheduler/branch.c
  [[    echo__store(word_of(branch), KEPT, relaxed);
  else]] [[    (void)0;
  else]])
bug(branch.end-relaxed FOUND scheduler/branch.c
  [[echo__exchange(word, ENDED, release)]] [[echo__exchange(word, ENDED, relaxed)]])
bug(branch.look-relaxed FOUND scheduler/branch.c
  [[(echo__load(word_of(branch), acquire) & ECHO__STATE_MASK) == ENDED;]]
  [[(echo__load(word_of(branch), relaxed) & ECHO__STATE_MASK) == ENDED;]])
bug(branch.end-in-two-steps FOUND scheduler/branch.c
  [[uint32_t before = echo__exchange(word, ENDED, release);]]
  [[uint32_t before = echo__load(word, relaxed); echo__store(word, ENDED, release);]])
bug(branch.home-read-late FOUND scheduler/branch.c
  [[  echo__idle_nudge(&s->idle, home);]]
  [[  echo__idle_nudge(&s->idle, forker_of(branch)->index);]])
bug(branch.unwatched FOUND scheduler/branch.c
  [[  echo__or(word_of(branch), ECHO__WATCHED, relaxed);]] [[]])
bug(branch.retracted-unrun FOUND scheduler/branch.c
  [[  } while (!has_ended(branch));]] [[  } while (false);]])
bug(branch.unmarked FOUND scheduler/branch.c
  [[    echo__store(word_of((echo_branch *)(void *)node), ENDED, relaxed);
]] [[]])
bug(branch.goes-on-searching FOUND scheduler/branch.c
  [[  echo__worker_go_on(worker);
  return ECHO_OK;
}

/* Runs what lies above]] [[  return ECHO_OK;
}

/* Runs what lies above]])
bug(branch.offers-unseen FOUND queue/queue.c
  [[    if (any_holds(q, word, class, true, offers)) return true;]] [[]])

# -- interrupt -------------------------------------------------------------------------------------

bug(interrupt.show-unfenced FOUND scheduler/interrupt.c
  [[  if (graced) be_asked_later(worker);
  echo__fence(seq_cst); /* PAIR interrupt.expose */]]
  [[  if (graced) be_asked_later(worker);]])
bug(interrupt.show-no-look FOUND scheduler/interrupt.c
  [[bool wanted = !graced && higher_waits(worker);]] [[bool wanted = false;]])
bug(interrupt.own-request-unheard FOUND scheduler/interrupt.c
  [[echo__or(&bell->rung, ECHO__WAY, relaxed);
  echo__store(&bell->heard, true, relaxed);]]
  [[echo__or(&bell->rung, ECHO__WAY, relaxed);]])
bug(interrupt.heard-unseen FOUND scheduler/interrupt.c
  [[if (same && !echo__load(&bell->heard, relaxed)) {]] [[if (same) {]])
bug(interrupt.decline-no-look FOUND scheduler/interrupt.c
  [[  echo__fence(seq_cst);                                             /* PAIR interrupt.expose */
  return higher_waits(worker);]]
  [[  return false;]])
bug(interrupt.declined-still-rung FOUND scheduler/interrupt.c
  [[return (echo__load(&bell->rung, relaxed) & ECHO__WAY) && decline(worker);]] [[return false;]])
bug(interrupt.exposed-relaxed FOUND scheduler/ask.c
  [[echo__load(&i->exposed[class][word], seq_cst);]] [[echo__load(&i->exposed[class][word], relaxed);]])
bug(interrupt.search-no-look FOUND scheduler/worker.c
  [[  echo__interrupts_look(s, wake_urgent(s) ? ECHO_PRIORITY_NORMAL : ECHO_PRIORITY_HIGH);
}]] [[}]])
bug(interrupt.more-no-look FOUND scheduler/worker.c
  [[    echo__notify(s, taken->priority);]] [[    echo__idle_notify(&s->idle);]])
bug(interrupt.pinned-unasked FOUND scheduler/ask.c
  [[    if (!ask_worker(&i->bells[worker], &again)) set_pulse(s, again);]] [[]])

# -- room, in the whole ----------------------------------------------------------------------------

bug(whole.room-untold FOUND scheduler/room.c
  [[  if (echo__load(&rooms->watching, seq_cst) == 0) return; /* PAIR room.look */]] [[  return;]])
bug(whole.watch-no-look FOUND scheduler/room.c
  [[  append(rooms, room);
  tell_if_free(rooms);]] [[  append(rooms, room);]])
bug(whole.watching-relaxed FOUND scheduler/room.c
  [[echo__load(&rooms->watching, seq_cst) == 0]] [[echo__load(&rooms->watching, relaxed) == 0]])
bug(whole.taken-unbounded FOUND scheduler/room.c
  [[if (taken >= rooms->capacity) return false;]] [[]])
bug(whole.place-kept FOUND scheduler/end.c
  [[    echo__give_place(s, task);
    return task;]] [[    return task;]])

# -- channel ---------------------------------------------------------------------------------------

bug(channel.served-not-put-back FOUND lua/channel.c
  [[put_back(waiter->channel, waiter->parcel);]] [[(void)0;]])
bug(channel.put-back-last FOUND lua/channel.c
  [[    serve_receiver(channel, parcel);
  else
    insert(channel, parcel);]]
  [[    serve_receiver(channel, parcel);
  else
    append(channel, parcel);]])
bug(channel.put-back-past-receivers FOUND lua/channel.c
  [[  if (channel->receivers.first != NULL)
    serve_receiver(channel, parcel);
  else
    insert]]
  [[  insert]])
bug(channel.leaves-enlisted FOUND lua/channel.c
  [[    echo__waitlist_remove(&waiter->channel->receivers, &waiter->waiter);
  else if]]
  [[    (void)0;
  else if]])
bug(channel.told-of-end-looks-no-more FOUND lua/channel.c
  [[return take(waiter->channel, empty, received);]] [[return ECHO__CLOSED;]])
bug(channel.attempt-unlocked FOUND lua/channel.c
  [[  enter(channel);
  if (waiter->waiter.waiting == ECHO__WAITING) {
    leave(channel);
    return ECHO__BARRED;
  }]]
  [[  if (waiter->waiter.waiting == ECHO__WAITING) return ECHO__BARRED;
  enter(channel);]])
bug(channel.enroll-no-look FOUND lua/channel.c
  [[!channel->closed && !would_pass(channel)]] [[!channel->closed]])
bug(channel.enroll-after-close FOUND lua/channel.c
  [[!channel->closed && !would_pass(channel)]] [[!would_pass(channel)]])
bug(channel.enlisted-twice FOUND lua/channel.c
  [[!waiter->holds && !channel->closed &&]] [[!channel->closed &&]])
bug(channel.sender-not-served FOUND lua/channel.c
  [[  if (channel->senders.first != NULL && channel->count < channel->capacity)
    append(channel, serve_sender(channel));]] [[]])
bug(channel.receiver-not-served FOUND lua/channel.c
  [[  if (channel->receivers.first != NULL)
    serve_receiver(channel, *parcel);
  else
    append]] [[  append]])
bug(channel.sender-keeps-parcel FOUND lua/channel.c
  [[sender->parcel = take_empty(channel);]] [[(void)0;]])
bug(channel.unnumbered FOUND lua/channel.c
  [[parcel->number = channel->sent++;
  sender]] [[parcel->number = 0;
  sender]])
bug(channel.withdraws-what-was-sent FOUND lua/channel.c
  [[  return !sent;]] [[  return true;]])
bug(channel.withdrawn-still-enlisted FOUND lua/channel.c
  [[    echo__waitlist_remove(&sender->channel->senders, &sender->waiter);
  bool sent]]
  [[    (void)0;
  bool sent]])
bug(channel.closes-past-senders FOUND lua/channel.c
  [[while (channel->senders.first != NULL)]] [[while (false)]])
bug(channel.closes-past-receivers FOUND lua/channel.c
  [[while (channel->receivers.first != NULL)]] [[while (false)]])
bug(channel.closes-one-receiver FOUND lua/channel.c
  [[while (channel->receivers.first != NULL)]] [[if (channel->receivers.first != NULL)]])
bug(channel.closes-unlocked FOUND lua/channel.c
  [[  enter(channel);
  bool closes = !channel->closed;
  channel->closed = true;]]
  [[  bool closes = !channel->closed;
  channel->closed = true;
  enter(channel);]])
# Who finds a door that looks open, and is not, comes back for ever.
bug(channel.hint-kept FOUND lua/channel.c
  [[  echo__store(&channel->hint, hint, relaxed);]] [[  (void)hint;]])
bug(channel.hint-not-shut FOUND lua/channel.c
  [[unsigned hint = TAKES | GIVES | SHUT;]] [[unsigned hint = SHUT;]])
bug(channel.holds-nothing FOUND lua/channel.c
  [[bool held = channel->holding > 0;]] [[bool held = false;]])
bug(channel.orphan-left FOUND lua/channel.c
  [[bool last = --channel->holding == 0 && channel->orphaned;]]
  [[bool last = false; --channel->holding;]])
bug(channel.orphaned-unlocked FOUND lua/channel.c
  [[  enter(channel);
  channel->orphaned = true;]]
  [[  channel->orphaned = true;
  enter(channel);]])
