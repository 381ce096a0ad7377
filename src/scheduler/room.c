#include "scheduler/room.h"

#include "scheduler/scheduler.h"

int echo__rooms_init(echo__rooms *rooms, uint64_t capacity) {
  rooms->capacity = capacity;
  for (int i = 0; i < ECHO_PRIORITIES; i++) {
    rooms->lines[i].first = NULL;
    rooms->lines[i].last = &rooms->lines[i].first;
  }
  rooms->closed = false;
  echo__store(&rooms->taken, 0, relaxed);
  echo__store(&rooms->watching, 0, relaxed);
  return uv_mutex_init(&rooms->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__rooms_close(echo__rooms *rooms) {
  uv_mutex_destroy(&rooms->mutex);
}

bool echo__rooms_take(echo__rooms *rooms) {
  if (rooms->capacity == 0) return true;
  uint64_t taken = echo__load(&rooms->taken, relaxed);
  do {
    if (taken >= rooms->capacity) return false;
  } while (!echo__cas_weak(&rooms->taken, &taken, taken + 1, relaxed));
  return true;
}

/* -- the lines, under the mutex --------------------------------------------------------------- */

static echo__room_line *line_of(echo__rooms *rooms, const echo_room *room) {
  return &rooms->lines[room->priority - ECHO_PRIORITY_LOW];
}

static void append(echo__rooms *rooms, echo_room *room) {
  echo__room_line *line = line_of(rooms, room);
  room->next = NULL;
  room->link = line->last;
  *line->last = room;
  line->last = &room->next;
  echo__add(&rooms->watching, 1, seq_cst); /* PAIR room.look */
}

static void take_out(echo__rooms *rooms, echo_room *room) {
  *room->link = room->next;
  if (room->next != NULL)
    room->next->link = room->link;
  else
    line_of(rooms, room)->last = room->link;
  room->link = NULL;
  echo__sub(&rooms->watching, 1, relaxed);
}

/* The call is made under the mutex: when echo_scheduler_unwatch_room has had it, it is over. */
static bool tell_first(echo__rooms *rooms) {
  echo_room *room = NULL;
  for (int i = ECHO_PRIORITIES - 1; i >= 0 && room == NULL; i--)
    room = rooms->lines[i].first;
  if (room == NULL) return false;
  take_out(rooms, room);
  room->tell(room->argument);
  return true;
}

static void tell_if_free(echo__rooms *rooms) {
  uint64_t taken = echo__load(&rooms->taken, seq_cst); /* PAIR room.look */
  if (rooms->closed || rooms->capacity == 0 || taken < rooms->capacity) tell_first(rooms);
}

/* --------------------------------------------------------------------------------------------- */

void echo__rooms_give(echo__rooms *rooms) {
  echo__sub(&rooms->taken, 1, seq_cst);                   /* PAIR room.look */
  if (echo__load(&rooms->watching, seq_cst) == 0) return; /* PAIR room.look */
  uv_mutex_lock(&rooms->mutex);
  tell_if_free(rooms);
  uv_mutex_unlock(&rooms->mutex);
}

void echo__rooms_tell_all(echo__rooms *rooms, bool closed) {
  uv_mutex_lock(&rooms->mutex);
  rooms->closed |= closed;
  while (tell_first(rooms)) {
  }
  uv_mutex_unlock(&rooms->mutex);
}

void echo_scheduler_watch_room(echo_scheduler *s, echo_room *room, echo_priority priority,
                               void (*tell)(void *argument), void *argument) {
  echo__rooms *rooms = &s->rooms;
  room->priority = priority;
  room->tell = tell;
  room->argument = argument;
  uv_mutex_lock(&rooms->mutex);
  append(rooms, room);
  tell_if_free(rooms);
  uv_mutex_unlock(&rooms->mutex);
}

bool echo_scheduler_unwatch_room(echo_scheduler *s, echo_room *room) {
  echo__rooms *rooms = &s->rooms;
  uv_mutex_lock(&rooms->mutex);
  bool watched = room->link != NULL;
  if (watched)
    take_out(rooms, room);
  else
    tell_if_free(rooms);
  uv_mutex_unlock(&rooms->mutex);
  return watched;
}
