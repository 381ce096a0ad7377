#include "support/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- JSON ------------------------------------------------------------------------------------- */

typedef struct reader {
  const char *next, *end;
  bool failed;
  void (*member)(struct reader *reader, const char *value, size_t size);
  void *context;
  char path[64]; /* of the member that is read, in an element of the array: "args.name" */
} reader;

static void value(reader *r, unsigned depth);

static int peek(const reader *r) {
  return r->next < r->end ? (unsigned char)*r->next : -1;
}

static void space(reader *r) {
  while (peek(r) == ' ' || peek(r) == '\n' || peek(r) == '\r' || peek(r) == '\t')
    r->next++;
}

static bool take(reader *r, char c) {
  if (peek(r) != c) return false;
  r->next++;
  return true;
}

static void need(reader *r, char c) {
  if (!take(r, c)) r->failed = true;
}

static bool is_hex(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void escape(reader *r) {
  int c = peek(r);
  if (c < 0 || strchr("\"\\/bfnrtu", c) == NULL) r->failed = true;
  r->next++;
  for (int i = 0; c == 'u' && i < 4 && !r->failed; i++) {
    if (!is_hex(peek(r))) r->failed = true;
    r->next++;
  }
}

/* Bytes that follow the first one of a character; -1: it begins none. */
static int followers(int c) {
  if (c < 0x80) return 0;
  if (c >= 0xc2 && c <= 0xdf) return 1;
  if (c >= 0xe0 && c <= 0xef) return 2;
  return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

static void plain(reader *r) {
  int first = peek(r), count = followers(first);
  if (first < ' ' || count < 0) r->failed = true;
  r->next++;
  int second = peek(r);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    r->failed = true;
  for (; count > 0 && !r->failed; count--, r->next++)
    if ((peek(r) & 0xc0) != 0x80) r->failed = true;
}

static void string(reader *r) {
  need(r, '"');
  while (!r->failed && !take(r, '"')) {
    if (take(r, '\\'))
      escape(r);
    else
      plain(r);
  }
}

static void digits(reader *r) {
  if (peek(r) < '0' || peek(r) > '9') r->failed = true;
  while (peek(r) >= '0' && peek(r) <= '9')
    r->next++;
}

static void number(reader *r) {
  take(r, '-');
  if (!take(r, '0')) digits(r);
  if (take(r, '.')) digits(r);
  if (take(r, 'e') || take(r, 'E')) {
    if (!take(r, '+')) take(r, '-');
    digits(r);
  }
}

static void word(reader *r, const char *text) {
  size_t size = strlen(text);
  if ((size_t)(r->end - r->next) < size || memcmp(r->next, text, size) != 0) r->failed = true;
  r->next += size;
}

/* The names of members, as far as they are plain, make up the path. */
static void member(reader *r, unsigned depth) {
  size_t before = strlen(r->path);
  space(r);
  const char *name = r->next + 1;
  string(r);
  int size = (int)(r->next - 1 - name);
  snprintf(r->path + before, sizeof r->path - before, "%s%.*s", before > 0 ? "." : "", size, name);
  space(r);
  need(r, ':');
  value(r, depth);
  r->path[before] = '\0';
}

static void sequence(reader *r, char close, bool object, unsigned depth) {
  r->next++;
  space(r);
  if (take(r, close)) return;
  do {
    if (object)
      member(r, depth + 1);
    else
      value(r, depth + 1);
    space(r);
  } while (!r->failed && take(r, ','));
  need(r, close);
}

static void value(reader *r, unsigned depth) {
  space(r);
  const char *first = r->next;
  switch (peek(r)) {
  case '{': sequence(r, '}', true, depth); break;
  case '[': sequence(r, ']', false, depth); break;
  case '"': string(r); break;
  case 't': word(r, "true"); break;
  case 'f': word(r, "false"); break;
  case 'n': word(r, "null"); break;
  default: number(r);
  }
  if (!r->failed && r->member != NULL) r->member(r, first, (size_t)(r->next - first));
}

static bool read_all(reader *r) {
  value(r, 0);
  space(r);
  return !r->failed && r->next == r->end;
}

bool spec_json_is_valid(const char *text, size_t size) {
  reader r = {.next = text, .end = text + size};
  return read_all(&r);
}

/* -- events ----------------------------------------------------------------------------------- */

typedef struct collection {
  spec_events events;
  spec_event now;
  bool flawed; /* an element that is no object */
} collection;

static const spec_event nothing = {
    .at = -1, .length = -1, .events = -1, .waiting = -1, .high = -1, .normal = -1, .low = -1};

/* Without its quotes. */
static void copy(char *to, const char *text, size_t size) {
  snprintf(to, SPEC_EVENT_TEXT, "%.*s", (int)size - 2, text + 1);
}

static long long nanoseconds(const char *text) {
  const char *point;
  long long whole = strtoll(text, (char **)(void *)&point, 10);
  if (point[0] != '.') return whole * 1000;
  return whole * 1000 + strtoll(point + 1, NULL, 10);
}

static void add(collection *c) {
  size_t room = c->events.count + 1;
  if ((room & (room - 1)) == 0) {
    c->events.all = realloc(c->events.all, 2 * room * sizeof *c->events.all);
  }
  c->events.all[c->events.count++] = c->now;
  c->now = nothing;
}

static void note(reader *r, const char *text, size_t size) {
  collection *c = r->context;
  spec_event *e = &c->now;
  const struct {
    const char *path;
    char *text;
  } texts[] = {{"name", e->name},
               {"cat", e->category},
               {"args.ended", e->ended},
               {"args.queue", e->queue},
               {"args.name", e->label}};
  const struct {
    const char *path;
    long *number;
  } numbers[] = {{"tid", &e->tid},
                 {"id", &e->id},
                 {"args.events", &e->events},
                 {"args.waiting", &e->waiting},
                 {"args.high", &e->high},
                 {"args.normal", &e->normal},
                 {"args.low", &e->low}};
  for (size_t i = 0; i < SPEC_COUNT(texts); i++)
    if (strcmp(r->path, texts[i].path) == 0) copy(texts[i].text, text, size);
  for (size_t i = 0; i < SPEC_COUNT(numbers); i++)
    if (strcmp(r->path, numbers[i].path) == 0) *numbers[i].number = strtol(text, NULL, 10);
  if (strcmp(r->path, "ph") == 0) e->phase = text[1];
  if (strcmp(r->path, "ts") == 0) e->at = nanoseconds(text);
  if (strcmp(r->path, "dur") == 0) e->length = nanoseconds(text);
  if (r->path[0] == '\0' && text[0] == '{')
    add(c);
  else if (r->path[0] == '\0' && text[0] != '[')
    c->flawed = true;
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*size + 1);
  assert_int_equal(fread(text, 1, *size, file), *size);
  text[*size] = '\0';
  fclose(file);
  return text;
}

void spec_events_free(spec_events *events) {
  free(events->all);
  *events = (spec_events){0};
}

static bool try_read(const char *path, collection *c) {
  size_t size;
  char *text = read_file(path, &size);
  reader r = {.next = text, .end = text + size, .member = note, .context = c};
  bool valid = read_all(&r) && text[0] == '[' && !c->flawed;
  if (!valid) fprintf(stderr, "not a valid array at byte %zu of %zu\n", r.next - text, size);
  free(text);
  return valid;
}

/* A file that is being written grows by two calls of the system, between which it is not whole:
 * then one looks again. What stays so is not valid. */
spec_events spec_events_read(const char *path) {
  enum { LOOKS = 20 };
  for (int i = 0; i < LOOKS; i++) {
    collection c = {.now = nothing};
    if (try_read(path, &c)) return c.events;
    spec_events_free(&c.events);
    spec_nap();
  }
  fail_msg("%s is not a valid array", path);
  return (spec_events){0};
}

static bool matches(const spec_event *e, char phase, const char *name) {
  return e->phase == phase && (name == NULL || strcmp(e->name, name) == 0);
}

size_t spec_events_count(const spec_events *events, char phase, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < events->count; i++)
    count += matches(&events->all[i], phase, name);
  return count;
}

const spec_event *spec_events_find(const spec_events *events, char phase, const char *name,
                                   size_t from) {
  for (size_t i = from; i < events->count; i++)
    if (matches(&events->all[i], phase, name)) return &events->all[i];
  return NULL;
}

long spec_events_dropped(const spec_events *events) {
  long dropped = -1;
  for (size_t i = 0; i < events->count; i++)
    if (matches(&events->all[i], 'C', "dropped")) dropped = events->all[i].events;
  return dropped;
}

/* -- what always holds ------------------------------------------------------------------------ */

static bool is_task(const spec_event *e) {
  return e->phase == 'X' && e->ended[0] != '\0';
}

static bool is_over(const spec_event *e) {
  return strcmp(e->ended, "done") == 0 || strcmp(e->ended, "failed") == 0 ||
         strcmp(e->ended, "cancelled") == 0;
}

/* By number, then by time. */
static int by_number(const void *left, const void *right) {
  const spec_event *a = left, *b = right;
  if (a->id != b->id) return a->id < b->id ? -1 : 1;
  return a->at < b->at ? -1 : a->at > b->at;
}

/* By lane, then by time, the longer first. */
static int by_lane(const void *left, const void *right) {
  const spec_event *a = left, *b = right;
  if (a->tid != b->tid) return a->tid < b->tid ? -1 : 1;
  if (a->at != b->at) return a->at < b->at ? -1 : 1;
  return a->length > b->length ? -1 : a->length < b->length;
}

/* The events of one number, in the order of their times. */
static void check_task(const spec_event *events, size_t count) {
  size_t starts = 0, firsts = 0, ends = 0;
  const spec_event *slice = NULL, *first = NULL;
  for (size_t i = 0; i < count; i++) {
    const spec_event *e = &events[i];
    bool start = strcmp(e->category, "start") == 0;
    starts += start && e->phase == 's';
    if (start && e->phase == 'f') firsts++, first = e;
    if (!is_task(e)) continue;
    if (slice == NULL) slice = e;
    assert_int_equal(ends, 0); /* nothing goes on after its end */
    ends += is_over(e);
  }
  assert_true(starts <= 1 && firsts <= 1 && ends <= 1);
  if (first == NULL) return;
  assert_non_null(slice);
  assert_true(first->at == slice->at && first->tid == slice->tid);
}

static void check_tasks(const spec_events *events) {
  size_t from = 0;
  for (size_t i = 0; i < events->count; i++) {
    bool last = i + 1 == events->count || events->all[i + 1].id != events->all[i].id;
    if (!last) continue;
    if (events->all[i].id != 0) check_task(&events->all[from], i + 1 - from);
    from = i + 1;
  }
}

/* A slice begins behind the end of the one before, or ends inside of the one that is open. */
static void check_lanes(const spec_events *events) {
  long long open[64];
  size_t depth = 0;
  long lane = -1;
  for (size_t i = 0; i < events->count; i++) {
    const spec_event *e = &events->all[i];
    if (e->phase != 'X') continue;
    if (e->tid != lane) depth = 0, lane = e->tid;
    while (depth > 0 && open[depth - 1] <= e->at)
      depth--;
    if (depth > 0) assert_true(e->at + e->length <= open[depth - 1]);
    assert_true(depth < SPEC_COUNT(open));
    open[depth++] = e->at + e->length;
  }
}

static void check_names(const spec_events *events) {
  for (size_t i = 0; i < events->count; i++) {
    const spec_event *e = &events->all[i];
    bool named = e->phase == 'M' || e->phase == 'C';
    for (size_t j = 0; j < i && !named; j++)
      named = matches(&events->all[j], 'M', "thread_name") && events->all[j].tid == e->tid;
    assert_true(named);
  }
}

void spec_events_check(const spec_events *events) {
  assert_true(events->count > 0);
  check_names(events);
  spec_events copy = {events->count, malloc(events->count * sizeof *copy.all)};
  memcpy(copy.all, events->all, copy.count * sizeof *copy.all);
  qsort(copy.all, copy.count, sizeof *copy.all, by_number);
  check_tasks(&copy);
  qsort(copy.all, copy.count, sizeof *copy.all, by_lane);
  check_lanes(&copy);
  free(copy.all);
}
