/* Stands in for libuv: mutexes and threads of the model's. */
#ifndef MODEL_UV_H
#define MODEL_UV_H

#include "memory.hpp"

typedef model::mutex uv_mutex_t;

inline int uv_mutex_init(uv_mutex_t *) {
  return 0;
}
inline void uv_mutex_destroy(uv_mutex_t *) {
}
inline void uv_mutex_lock(uv_mutex_t *m) {
  m->lock();
}
/* It waits: who tries and fails does nothing that a scenario depends on. */
inline int uv_mutex_trylock(uv_mutex_t *m) {
  m->lock();
  return 0;
}
inline void uv_mutex_unlock(uv_mutex_t *m) {
  m->unlock();
}

typedef int uv_thread_t;

int uv_thread_join(uv_thread_t *thread);

#endif
