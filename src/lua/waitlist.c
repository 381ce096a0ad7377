#include "lua/waitlist.h"

unsigned echo__waitlist_forget_lost(echo__waitlist *list) {
  unsigned lost = 0;
  for (echo__waiter *waiter = list->first, *next; waiter != NULL; waiter = next) {
    next = waiter->next;
    if (waiter->seat->sitter == ECHO__SITS_COROUTINE) continue;
    echo__waitlist_remove(list, waiter);
    lost++;
  }
  return lost;
}
