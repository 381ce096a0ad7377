/* Stands in for src/base/atomic.h: the same names, put to the model's memory. */
#ifndef ECHO_BASE_ATOMIC_H
#define ECHO_BASE_ATOMIC_H

#include "memory.hpp"

#define SITE(p) (model::site{__func__, __LINE__, #p})

#define echo__atomic(type)          model::atomic<type>
#define echo__load(p, order)        (p)->load(model::mo_##order, SITE(p))
#define echo__store(p, v, order)    (p)->store((v), model::mo_##order, SITE(p))
#define echo__exchange(p, v, order) model::exchange((p), (v), model::mo_##order, SITE(p))
#define echo__add(p, v, order)      model::add((p), (v), model::mo_##order, SITE(p))
#define echo__sub(p, v, order)      model::add((p), -(v), model::mo_##order, SITE(p))
#define echo__or(p, v, order)       model::set_bits((p), (v), model::mo_##order, SITE(p))
#define echo__and(p, v, order)      model::keep_bits((p), (v), model::mo_##order, SITE(p))
#define echo__fence(order)          model::fence(model::mo_##order, __func__, __LINE__)
#define echo__cas(p, expected, desired, order)                                                     \
  (p)->compare_and_swap((expected), (desired), model::mo_##order, false, SITE(p))
#define echo__cas_weak(p, expected, desired, order)                                                \
  (p)->compare_and_swap((expected), (desired), model::mo_##order, true, SITE(p))

/* A point at which a signal may come. */
inline void (*model_signal_point)(void);
#define echo__signal_fence() (model_signal_point ? model_signal_point() : (void)0)

#define ECHO__LINE 128
#define ECHO__ALIGNED

#define echo__bump(p, n) echo__store((p), echo__load((p), relaxed) + (n), release)
#define echo__pause()    model::pause()

namespace model {

template <class T, class V> T exchange(atomic<T> *p, V v, order o, site s) {
  T to = (T)v;
  return p->change([=](T) { return to; }, o, s);
}
template <class T, class V> T add(atomic<T> *p, V v, order o, site s) {
  return p->change([=](T was) { return (T)(was + v); }, o, s);
}
template <class T, class V> T set_bits(atomic<T> *p, V v, order o, site s) {
  return p->change([=](T was) { return (T)(was | v); }, o, s);
}
template <class T, class V> T keep_bits(atomic<T> *p, V v, order o, site s) {
  return p->change([=](T was) { return (T)(was & v); }, o, s);
}

} // namespace model

/* What C has and C++ has not. */
#define _Static_assert(...) /* holds for the real sizes */

#endif
