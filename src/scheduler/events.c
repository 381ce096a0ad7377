/*
 * What marks become in the file; docs/trace.md tells the format.
 *
 * A slice is one event, written when it has ended, so that a file never has a beginning without
 * its end. Until then the recorder keeps its beginning, in the order in which slices are inside of
 * each other.
 */
#include <inttypes.h>

#include "scheduler/recorder.h"
#include "scheduler/scheduler.h"

typedef echo__trace_line line;

static const char *const ends[] = {"done",    "failed",      "cancelled", "suspended",
                                   "yielded", "interrupted", "running"};

static const char *category(int priority) {
  static const char *const names[] = {"low", "normal", "high"};
  return names[priority - ECHO_PRIORITY_LOW];
}

/* -- parts of a line -------------------------------------------------------------------------- */

static line begin(const echo__recorder *r, char *text, char phase, uint64_t lane) {
  line l = {text, text};
  echo__line_put(&l, "{\"ph\":\"");
  *l.next++ = phase;
  echo__line_put(&l, "\",\"pid\":");
  echo__line_put_text(&l, r->pid);
  echo__line_put(&l, ",\"tid\":");
  echo__line_put_number(&l, lane);
  return l;
}

/* False if there is no room, which there always is for lines that are kept. */
static bool begin_line(echo__recorder *r, line *l, char phase, uint64_t lane) {
  char *room = echo__trace_file_line(&r->file);
  if (room != NULL) *l = begin(r, room, phase, lane);
  return room != NULL;
}

static void end_line(echo__recorder *r, line *l) {
  *l->next++ = '}';
  echo__trace_file_add(&r->file, (size_t)(l->next - l->first));
}

/* What came before the beginning is put at it. */
static uint64_t since_began(const echo__recorder *r, uint64_t moment) {
  return moment > r->began ? moment - r->began : 0;
}

static void put_moment(const echo__recorder *r, line *l, uint64_t moment) {
  echo__line_put(l, ",\"ts\":");
  echo__line_put_time(l, since_began(r, moment));
}

static void put_span(const echo__recorder *r, line *l, uint64_t from, uint64_t to) {
  put_moment(r, l, from);
  echo__line_put(l, ",\"dur\":");
  echo__line_put_time(l, since_began(r, to) - since_began(r, from));
}

static void put_task(line *l, uint32_t task) {
  if (task == 0) return;
  echo__line_put(l, ",\"id\":");
  echo__line_put_number(l, task);
}

static void put_category(line *l, const char *name) {
  echo__line_put(l, ",\"cat\":\"");
  echo__line_put_text(l, name);
  *l->next++ = '"';
}

/* -- whole lines ------------------------------------------------------------------------------ */

/* One end of an arrow. */
static void write_flow(echo__recorder *r, const char *kind, char phase, uint64_t lane,
                       uint64_t moment, uint32_t task) {
  line l;
  if (task == 0 || !begin_line(r, &l, phase, lane)) return;
  put_moment(r, &l, moment);
  put_task(&l, task);
  put_category(&l, kind);
  echo__line_put(&l, ",\"name\":\"");
  echo__line_put_text(&l, kind);
  *l.next++ = '"';
  if (phase == 'f') echo__line_put(&l, ",\"bp\":\"e\"");
  end_line(r, &l);
}

/* A slice that is no stretch of a task. */
static void write_span(echo__recorder *r, const char *name, const char *kind,
                       const echo__mark *mark) {
  line l;
  if (!begin_line(r, &l, 'X', mark->lane)) return;
  put_span(r, &l, mark->since, mark->at);
  put_task(&l, mark->task);
  put_category(&l, kind);
  echo__line_put(&l, ",\"name\":\"");
  echo__line_put_text(&l, name);
  *l.next++ = '"';
  end_line(r, &l);
}

static void write_instant(echo__recorder *r, const char *name, uint64_t lane, uint64_t moment,
                          uint32_t task, const char *kind) {
  line l;
  if (!begin_line(r, &l, 'i', lane)) return;
  put_moment(r, &l, moment);
  put_task(&l, task);
  if (kind != NULL) put_category(&l, kind);
  echo__line_put(&l, ",\"s\":\"t\",\"name\":\"");
  echo__line_put_text(&l, name);
  *l.next++ = '"';
  end_line(r, &l);
}

static void put_name(line *l, const char *name, size_t length) {
  echo__line_put(l, ",\"name\":");
  echo__line_put_name(l, name, length);
}

static void write_slice(echo__recorder *r, const echo__open_slice *slice, uint64_t end, int how) {
  const echo__mark *mark = &slice->mark;
  line l;
  if (!begin_line(r, &l, 'X', mark->lane)) return;
  put_span(r, &l, mark->at, end);
  put_task(&l, mark->task);
  put_category(&l, category(mark->priority));
  put_name(&l, slice->name, mark->length);
  echo__line_put(&l, ",\"args\":{\"ended\":\"");
  echo__line_put_text(&l, ends[how]);
  *l.next++ = '"';
  if (mark->queue > 0) {
    const char *queue = r->scheduler->plan.queues[mark->queue - 1]->name;
    echo__line_put(&l, ",\"queue\":");
    echo__line_put_name(&l, queue, strlen(queue));
  }
  *l.next++ = '}';
  end_line(r, &l);
}

/* The slice first: an arrow's end belongs to the slice that was read before it. */
static void write_stretch(echo__recorder *r, const echo__open_slice *slice, uint64_t end, int how) {
  const echo__mark *mark = &slice->mark;
  write_slice(r, slice, end, how);
  if (mark->flags & ECHO__MARK_FIRST) write_flow(r, "start", 'f', mark->lane, mark->at, mark->task);
  if (mark->flags & ECHO__MARK_RESUMED)
    write_flow(r, "resume", 'f', mark->lane, mark->at, mark->task);
  if (how == ECHO__STRETCH_INTERRUPTED)
    write_instant(r, "interrupted", mark->lane, end, mark->task, NULL);
}

/* -- lanes ------------------------------------------------------------------------------------ */

size_t echo__events_first(const echo__recorder *r, char *text) {
  line l = begin(r, text, 'M', 0);
  const char *name = r->scheduler->plan.name;
  echo__line_put(&l, ",\"name\":\"process_name\",\"args\":{\"name\":");
  echo__line_put_name(&l, name, strlen(name));
  echo__line_put(&l, "}}");
  return (size_t)(l.next - l.first);
}

static void name_lane(echo__recorder *r, uint64_t lane, const char *name, const char *separator,
                      uint64_t number) {
  char whole[ECHO__TRACE_NAME + 1];
  int length = snprintf(whole, sizeof whole, "%.100s%s%" PRIu64, name, separator, number);
  line l;
  if (!begin_line(r, &l, 'M', lane)) return;
  echo__line_put(&l, ",\"name\":\"thread_name\",\"args\":{\"name\":");
  echo__line_put_name(&l, whole, (size_t)length);
  *l.next++ = '}';
  end_line(r, &l);
}

void echo__events_name_workers(echo__recorder *r) {
  for (unsigned i = 0; i < r->workers; i++)
    name_lane(r, i + 1, r->scheduler->plan.name,
              echo__is_urgent(&r->scheduler->workers[i]) ? "-urgent" : "-", i);
}

/* Threads from outside are named when they are first met. */
static void meet_lane(echo__recorder *r, unsigned lane) {
  if (lane <= ECHO__MAX_WORKERS) return;
  unsigned number = lane - ECHO__MAX_WORKERS - 1;
  uint64_t bit = UINT64_C(1) << (number % 64);
  if (r->seen[number / 64] & bit) return;
  r->seen[number / 64] |= bit;
  name_lane(r, lane, "outside", " ", number + 1);
}

/* -- marks ------------------------------------------------------------------------------------ */

/* An arrow has to begin in a slice: what a task submits begins in the task's own. */
static void write_submit(echo__recorder *r, const echo__mark *mark) {
  echo__mark moment = *mark;
  moment.since = moment.at++;
  if (mark->lane > ECHO__MAX_WORKERS) write_span(r, "submit", "submit", &moment);
  write_flow(r, "start", 's', mark->lane, mark->at, mark->task);
}

static void open_slice(echo__open_slices *open, const echo__mark *mark, const char *name) {
  if (open->count < ECHO__OPEN_SLICES) {
    echo__open_slice *slice = &open->slices[open->count];
    slice->mark = *mark;
    memcpy(slice->name, name, mark->length);
    if (mark->length == 0) slice->mark.length = (uint8_t)strlen(strcpy(slice->name, "task"));
  }
  open->count++;
}

static void name_slice(echo__open_slices *open, const echo__mark *mark, const char *name) {
  if (open->count == 0 || open->count > ECHO__OPEN_SLICES) return;
  echo__open_slice *slice = &open->slices[open->count - 1];
  memcpy(slice->name, name, mark->length);
  slice->mark.length = mark->length;
}

/* A slice inside of too many others was not kept. */
static void close_slice(echo__recorder *r, echo__open_slices *open, const echo__mark *mark) {
  if (open->count == 0) return;
  if (--open->count < ECHO__OPEN_SLICES)
    write_stretch(r, &open->slices[open->count], mark->at, mark->how);
  else
    r->past_drops++;
}

static void write_cancel(echo__recorder *r, const echo__mark *mark) {
  write_instant(r, "cancelled", mark->lane, mark->at, mark->task, category(mark->priority));
}

/* The arrow begins inside of the slice that it comes from, and ends inside of the wait. */
static void write_collect(echo__recorder *r, const echo__mark *mark, const char *payload) {
  echo_trace_result result;
  memcpy(&result, payload, sizeof result);
  write_span(r, "wait", "wait", mark);
  if (result.task == 0 || result.moment <= r->began) return;
  write_flow(r, "result", 's', result.lane, result.moment - 1, mark->task);
  write_flow(r, "result", 'f', mark->lane, mark->at - 1, mark->task);
}

static void write_resume(echo__recorder *r, const echo__mark *mark) {
  write_instant(r, "resume", mark->lane, mark->at, mark->task, NULL);
  write_flow(r, "resume", 's', mark->lane, mark->at, mark->task);
}

void echo__events_write(echo__recorder *r, const echo__mark *mark, const char *text,
                        unsigned ring) {
  echo__open_slices *open = &r->open[ring < r->workers ? ring : 0];
  meet_lane(r, mark->lane);
  switch ((echo__mark_kind)mark->kind) {
  case ECHO__MARK_SUBMIT: write_submit(r, mark); break;
  case ECHO__MARK_BEGIN: open_slice(open, mark, text); break;
  case ECHO__MARK_NAME: name_slice(open, mark, text); break;
  case ECHO__MARK_END: close_slice(r, open, mark); break;
  case ECHO__MARK_RESUME: write_resume(r, mark); break;
  case ECHO__MARK_CANCEL: write_cancel(r, mark); break;
  case ECHO__MARK_STEAL: write_instant(r, "steal", mark->lane, mark->at, 0, NULL); break;
  case ECHO__MARK_PARK: write_span(r, "parked", "idle", mark); break;
  case ECHO__MARK_BRANCH: write_span(r, "branch", category(mark->priority), mark); break;
  case ECHO__MARK_COLLECT: write_collect(r, mark, text); break;
  }
}

void echo__events_write_open(echo__recorder *r, uint64_t now) {
  for (unsigned i = 0; i < r->workers; i++) {
    const echo__open_slices *open = &r->open[i];
    unsigned count = open->count < ECHO__OPEN_SLICES ? open->count : ECHO__OPEN_SLICES;
    for (; count > 0; count--) {
      const echo__open_slice *slice = &open->slices[count - 1];
      /* It may have begun after `now` was read. */
      uint64_t end = now > slice->mark.at ? now : slice->mark.at;
      write_stretch(r, slice, end, ECHO__STRETCH_RUNNING);
    }
  }
}

/* -- counters --------------------------------------------------------------------------------- */

static bool changed(echo__sample *sample, int64_t first, int64_t second, int64_t third) {
  if (sample->first == first && sample->second == second && sample->third == third) return false;
  *sample = (echo__sample){first, second, third};
  return true;
}

/* Between two rings one may be seen earlier than another: what is less than none is none. */
static uint64_t queued(const echo__recorder *r, int class) {
  int64_t sum = 0;
  for (unsigned i = 0; i < r->rings; i++) {
    const echo__trace_ring *ring = &r->ring[i];
    if (echo__load(&ring->recording, acquire) != r->recording) continue; /* PAIR ring.renewed */
    sum += echo__load(&ring->queued[class], relaxed);
  }
  return sum > 0 ? (uint64_t)sum : 0;
}

static void sample_priorities(echo__recorder *r, uint64_t now) {
  uint64_t high = queued(r, 0), normal = queued(r, 1), low = queued(r, 2);
  line l;
  if (!changed(&r->samples[0], (int64_t)high, (int64_t)normal, (int64_t)low)) return;
  if (!begin_line(r, &l, 'C', 0)) return;
  put_moment(r, &l, now);
  echo__line_put(&l, ",\"name\":\"queued\",\"args\":{\"high\":");
  echo__line_put_number(&l, high);
  echo__line_put(&l, ",\"normal\":");
  echo__line_put_number(&l, normal);
  echo__line_put(&l, ",\"low\":");
  echo__line_put_number(&l, low);
  *l.next++ = '}';
  end_line(r, &l);
}

static void sample_dropped(echo__recorder *r, uint64_t now) {
  uint64_t dropped = echo__recorder_dropped(r);
  line l;
  if (!changed(&r->samples[1], (int64_t)dropped, 0, 0)) return;
  if (!begin_line(r, &l, 'C', 0)) return;
  put_moment(r, &l, now);
  echo__line_put(&l, ",\"name\":\"dropped\",\"args\":{\"events\":");
  echo__line_put_number(&l, dropped);
  *l.next++ = '}';
  end_line(r, &l);
}

static void put_queue_name(line *l, const char *name) {
  char whole[ECHO__TRACE_NAME + 1];
  int length = snprintf(whole, sizeof whole, "queue %s", name);
  if (length >= (int)sizeof whole) length = sizeof whole - 1;
  put_name(l, whole, (size_t)length);
}

static void sample_queue(echo__recorder *r, unsigned index, uint64_t now) {
  echo__named_queue *queue = r->scheduler->plan.queues[index];
  uint64_t waiting, running;
  echo__named_count(queue, &waiting, &running);
  line l;
  if (!changed(&r->samples[2 + index], waiting, running, 0)) return;
  if (!begin_line(r, &l, 'C', 0)) return;
  put_moment(r, &l, now);
  put_queue_name(&l, queue->name);
  echo__line_put(&l, ",\"args\":{\"waiting\":");
  echo__line_put_number(&l, waiting);
  echo__line_put(&l, ",\"running\":");
  echo__line_put_number(&l, running);
  *l.next++ = '}';
  end_line(r, &l);
}

void echo__events_sample(echo__recorder *r, uint64_t now) {
  sample_priorities(r, now);
  sample_dropped(r, now);
  /* Before the first submit there is nothing to tell, and the process may fork: a child would find
   * the queue's mutex as it is held here. */
  if (echo__load(&r->scheduler->phase, relaxed) == ECHO__FRESH) return;
  for (unsigned i = 0; i < r->scheduler->plan.queue_count; i++)
    sample_queue(r, i, now);
}
