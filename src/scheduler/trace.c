/* The places where something happens that a recording tells, and how it begins and ends. */
#include "scheduler/trace.h"

#include <errno.h>

#include "scheduler/recorder.h"
#include "scheduler/scheduler.h"

/* A task's `trace` word: its number in the low bits, then that of the recording, then flags. */
enum {
  NUMBER_BITS = 24,
  NUMBER_MASK = (1 << NUMBER_BITS) - 1,
  RECORDING_MASK = ECHO__RECORDINGS,
  RESUMED = 1 << 29, /* there is a mark of the resume that it goes on after */
  OPEN = 1 << 30,    /* its slice has begun and has not ended */
  NUMBERS = 64       /* that a ring takes at once */
};

static const uint32_t begun = UINT32_C(1) << 31;

static uint32_t recording_of(uint32_t word) {
  return word >> NUMBER_BITS & RECORDING_MASK;
}

/* -- rings ------------------------------------------------------------------------------------ */

/* Where the calling thread puts marks, and what it has to leave afterwards. */
typedef struct place {
  echo__recorder *recorder;
  echo__trace_ring *ring;
  echo__lane *lane; /* entered for this, or NULL */
  uint16_t number;  /* of the lane in the file */
  uint32_t recording;
} place;

/* The counters are made new before it can be seen that they are. */
static void renew(echo__trace_ring *ring, uint32_t recording) {
  ring->set_aside = 0;
  ring->tasks_left = 0;
  echo__store(&ring->dropped, 0, relaxed);
  for (int class = 0; class < ECHO_PRIORITIES; class ++)
    echo__store(&ring->queued[class], 0, relaxed);
  echo__store(&ring->recording, recording, release); /* PAIR ring.renewed */
}

/* Threads beyond the last lane share them. */
static uint16_t outside_number(void) {
  return (uint16_t)(ECHO__MAX_WORKERS + 1 + (echo__this_thread.number - 1) % ECHO__OUTSIDE_LANES);
}

/* False if nothing is recorded any more. */
static bool enter_as(echo_scheduler *s, echo__worker *worker, echo__lane *lane, place *p) {
  p->recording = echo__load(&s->trace.on, acquire); /* PAIR trace.on */
  if (p->recording == 0) return false;
  p->recorder = s->trace.recorder;
  p->lane = NULL;
  if (worker == NULL && lane == NULL) lane = p->lane = echo__lane_enter(s->lanes);
  unsigned index = worker != NULL ? worker->index : s->plan.workers + (unsigned)(lane - s->lanes);
  p->number = worker != NULL ? (uint16_t)(index + 1) : outside_number();
  p->ring = &p->recorder->ring[index];
  if (echo__load(&p->ring->recording, relaxed) != p->recording) renew(p->ring, p->recording);
  return true;
}

static bool enter(echo_scheduler *s, place *p) {
  return enter_as(s, echo__own_worker(s), NULL, p);
}

static void leave(const place *p) {
  if (p->lane != NULL) echo__lane_leave(p->lane);
}

/* Half full: the recorder is late, or many things happen. It is told once for each half. */
static void wake_if_half_full(const place *p, uint32_t before) {
  uint32_t half = ECHO__TRACE_SLOTS / 2;
  if (before < half && echo__ring_used(p->ring) >= half) {
    p->ring->known_tail = echo__load(&p->ring->tail, acquire); /* PAIR trace.tail */
    if (echo__ring_used(p->ring) >= half) echo__recorder_wake(p->recorder);
  }
}

/* Puts a mark in, if there is room for it and for `more` slots that are then set aside. */
static bool put(const place *p, echo__mark *mark, const char *text, uint32_t more) {
  echo__trace_ring *ring = p->ring;
  if (!echo__ring_has_room(ring, echo__mark_slots(mark->length) + more)) {
    echo__bump(&ring->dropped, 1);
    return false;
  }
  uint32_t before = echo__ring_used(ring);
  mark->lane = p->number;
  mark->recording = (uint8_t)p->recording;
  echo__ring_put(ring, mark, text);
  ring->set_aside += more;
  wake_if_half_full(p, before);
  return true;
}

/* -- tasks ------------------------------------------------------------------------------------ */

static uint32_t new_number(const place *p) {
  echo__trace_ring *ring = p->ring;
  if (ring->tasks_left == 0) {
    ring->next_task = echo__add(&p->recorder->next_task, NUMBERS, relaxed);
    ring->tasks_left = NUMBERS;
  }
  ring->tasks_left--;
  uint32_t number = ring->next_task++ & NUMBER_MASK;
  return number != 0 ? number : NUMBER_MASK; /* 0 is none; comes round once in 16 million */
}

/* The task's number, if it came while this recording ran. */
static uint32_t number_of(const place *p, const echo_task *task) {
  uint32_t word = task->in.trace;
  return recording_of(word) == p->recording ? word & NUMBER_MASK : 0;
}

static echo__mark mark_of(const place *p, echo__mark_kind kind, const echo_task *task) {
  echo__mark mark = {.at = echo__now(), .task = number_of(p, task), .kind = (uint8_t)kind};
  mark.priority = (int8_t)echo__task_priority(task);
  mark.queue = (uint16_t)echo__task_queue_number(task);
  return mark;
}

static void count_queued(const place *p, int priority, int change) {
  echo__bump(&p->ring->queued[ECHO_PRIORITY_HIGH - priority], change);
}

static uint8_t name_of(const echo_task *task, char *text) {
  const echo__plan *plan = &echo__task_scheduler(task)->plan;
  if (plan->name_task == NULL) return 0;
  size_t length =
      plan->name_task(plan->name_data, task->function, task->argument, text, ECHO__TRACE_NAME);
  return (uint8_t)(length < ECHO__TRACE_NAME ? length : ECHO__TRACE_NAME);
}

void echo__trace_submit(echo_scheduler *s, echo_task *task) {
  place p;
  if (!enter(s, &p)) return;
  task->in.trace = new_number(&p) | p.recording << NUMBER_BITS;
  echo__mark mark = mark_of(&p, ECHO__MARK_SUBMIT, task);
  count_queued(&p, mark.priority, 1);
  put(&p, &mark, NULL, 0);
  leave(&p);
}

/* A task that came before this recording gets the recording's number now, and none of its own. */
void echo__trace_begin(echo__worker *worker, echo_task *task) {
  char name[ECHO__TRACE_NAME];
  place p;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  echo__mark mark = mark_of(&p, ECHO__MARK_BEGIN, task);
  uint32_t word = task->in.trace;
  if (recording_of(word) != p.recording) word = p.recording << NUMBER_BITS | begun;
  if (!(word & begun)) {
    count_queued(&p, mark.priority, -1);
    mark.flags |= ECHO__MARK_FIRST;
  }
  if (word & RESUMED) mark.flags |= ECHO__MARK_RESUMED;
  mark.length = name_of(task, name);
  worker->makes_way = false;
  bool open = put(&p, &mark, name, 1);
  task->in.trace = (word & ~(uint32_t)RESUMED) | begun | (open ? OPEN : 0);
}

static void end_slice(const place *p, echo_task *task, echo__stretch_end how) {
  bool open = task->in.trace & OPEN;
  p->ring->last = (echo_trace_result){0};
  task->in.trace &= ~(uint32_t)OPEN;
  if (!open || recording_of(task->in.trace) != p->recording) return;
  echo__mark mark = mark_of(p, ECHO__MARK_END, task);
  mark.how = (uint8_t)how;
  p->ring->last = (echo_trace_result){mark.at, mark.task, p->number};
  p->ring->set_aside--;
  put(p, &mark, NULL, 0);
}

void echo__trace_leave(echo__worker *worker, echo_task *task, echo__stretch_end how) {
  place p;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  end_slice(&p, task, worker->makes_way ? ECHO__STRETCH_INTERRUPTED : how);
}

/* What never ran is no longer queued. */
static void cancel(const place *p, const echo_task *task) {
  echo__mark mark = mark_of(p, ECHO__MARK_CANCEL, task);
  if (mark.task == 0) return;
  count_queued(p, mark.priority, -1);
  put(p, &mark, NULL, 0);
}

void echo__trace_end(echo_scheduler *s, echo_task *task, echo_task_state state) {
  place p;
  if (!enter(s, &p)) return;
  if (!(task->in.trace & begun))
    cancel(&p, task);
  else if (task->in.trace & OPEN)
    end_slice(&p, task, state == ECHO_TASK_DONE ? ECHO__STRETCH_DONE : ECHO__STRETCH_CANCELLED);
  if (p.ring->last.task == number_of(&p, task)) task->result = p.ring->last;
  leave(&p);
}

void echo__trace_resume(echo_scheduler *s, echo__lane *lane, echo_task *task) {
  place p;
  if (!enter_as(s, echo__own_worker(s), lane, &p)) return;
  echo__mark mark = mark_of(&p, ECHO__MARK_RESUME, task);
  if (mark.task != 0 && put(&p, &mark, NULL, 0)) task->in.trace |= RESUMED;
}

/* -- workers and waiters ---------------------------------------------------------------------- */

void echo__trace_steal(echo__worker *worker) {
  place p;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  put(&p, &(echo__mark){.at = echo__now(), .kind = ECHO__MARK_STEAL}, NULL, 0);
}

void echo__trace_park(echo__worker *worker, uint64_t since) {
  place p;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  put(&p, &(echo__mark){.at = echo__now(), .since = since, .kind = ECHO__MARK_PARK}, NULL, 0);
}

void echo__trace_branch(echo__worker *worker, uint64_t since, int priority) {
  place p;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  echo__mark mark = {.at = echo__now(), .since = since, .kind = ECHO__MARK_BRANCH};
  mark.priority = (int8_t)priority;
  put(&p, &mark, NULL, 0);
}

/* A result whose task this recording has not seen is taken as well, only no arrow leads to it. */
void echo_trace_wait_ends(echo_scheduler *s, uint64_t since, const echo_trace_result *result) {
  place p;
  if (!echo__traces(s) || !enter(s, &p)) return;
  echo__mark mark = {.at = echo__now(), .kind = ECHO__MARK_COLLECT, .task = result->task};
  mark.since = since != 0 && since < mark.at ? since : mark.at - 1;
  mark.length = sizeof *result;
  put(&p, &mark, (const char *)result, 0);
  leave(&p);
}

bool echo_scheduler_is_traced(const echo_scheduler *s) {
  return echo__traces(s);
}

uint64_t echo_trace_wait_begins(const echo_scheduler *s) {
  return echo__trace_clock(s);
}

void echo_trace_task_ends(echo_trace_outcome how, echo_trace_result *result) {
  echo__worker *worker = echo__this_thread.worker;
  place p;
  if (result != NULL) *result = (echo_trace_result){0};
  if (worker == NULL || !echo__traces(worker->scheduler)) return;
  if (!enter_as(worker->scheduler, worker, NULL, &p)) return;
  echo_task *task = worker->current;
  if (task != NULL && (task->in.trace & OPEN)) end_slice(&p, task, (echo__stretch_end)how);
  if (result != NULL) *result = p.ring->last;
}

/* A name that finds no room is missing, and no event is. */
void echo_trace_task_name(const char *name, size_t length) {
  const echo__worker *worker = echo__this_thread.worker;
  place p;
  if (worker == NULL || worker->current == NULL || !(worker->current->in.trace & OPEN)) return;
  if (!enter_as(worker->scheduler, (echo__worker *)worker, NULL, &p)) return;
  echo__mark mark = {.kind = ECHO__MARK_NAME};
  mark.length = (uint8_t)(length < ECHO__TRACE_NAME ? length : ECHO__TRACE_NAME);
  if (recording_of(worker->current->in.trace) == p.recording) put(&p, &mark, name, 0);
}

/* -- recordings ------------------------------------------------------------------------------- */

int echo__trace_init(echo__trace *trace) {
  return uv_mutex_init(&trace->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__trace_destroy(echo__trace *trace) {
  echo__recorder_destroy(trace->recorder);
  uv_mutex_destroy(&trace->mutex);
}

static int refusal(const echo_scheduler *s) {
  if (s->trace.runs) return ECHO_EXISTS;
  if (s->forked) return ECHO_FORKED;
  bool stopped = echo__load(&s->phase, acquire) == ECHO__STOPPED; /* PAIR stop.phase */
  return stopped ? ECHO_STOPPED : ECHO_OK;
}

static int begin(echo_scheduler *s, const char *path) {
  echo__trace *trace = &s->trace;
  int status = refusal(s);
  if (status != ECHO_OK) return status;
  if (trace->recorder == NULL) trace->recorder = echo__recorder_create(s);
  if (trace->recorder == NULL) return ECHO_MEMORY;
  status = echo__recorder_begin(trace->recorder, path);
  trace->runs = status == ECHO_OK;
  return status;
}

/* errno says what broke it off. */
static int end(echo_scheduler *s) {
  echo__trace *trace = &s->trace;
  if (!trace->runs) return ECHO_MISSING;
  echo__store(&trace->on, 0, relaxed);
  trace->runs = false;
  int error = echo__recorder_end(trace->recorder);
  if (error == 0) return ECHO_OK;
  errno = error;
  return ECHO_FILE;
}

int echo_scheduler_trace(echo_scheduler *s, const char *path) {
  uv_mutex_lock(&s->trace.mutex);
  int status = path != NULL ? begin(s, path) : end(s);
  uv_mutex_unlock(&s->trace.mutex);
  return status;
}

uint64_t echo_scheduler_trace_dropped(echo_scheduler *s) {
  uv_mutex_lock(&s->trace.mutex);
  uint64_t dropped = s->trace.recorder != NULL ? echo__recorder_dropped(s->trace.recorder) : 0;
  uv_mutex_unlock(&s->trace.mutex);
  return dropped;
}

void echo__trace_stop(echo_scheduler *s) {
  uv_mutex_lock(&s->trace.mutex);
  if (s->trace.runs) end(s);
  uv_mutex_unlock(&s->trace.mutex);
}

/* Whoever had the mutex is not here. */
void echo__trace_forget(echo__trace *trace) {
  uv_mutex_init(&trace->mutex);
  echo__store(&trace->on, 0, relaxed);
  if (trace->runs) echo__recorder_forget(trace->recorder);
  trace->runs = false;
}
