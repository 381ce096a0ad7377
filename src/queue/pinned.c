#include "queue/pinned.h"

void echo__pinned_init(echo__pinned *pinned) {
  echo__store(&pinned->inbox, NULL, relaxed);
  for (int i = 0; i < ECHO_PRIORITIES; i++)
    pinned->lines[i].first = NULL;
}

echo_node *echo__pinned_open(echo__pinned *pinned) {
  echo_node *node = echo__exchange(&pinned->inbox, NULL, acquire); /* PAIR pinned.inbox */
  echo_node *turned = NULL;
  while (node != NULL) {
    echo_node *next = node->next;
    node->next = turned;
    turned = node;
    node = next;
  }
  return turned;
}

void echo__pinned_append(echo__pinned *pinned, int index, echo_node *node) {
  echo__line *line = &pinned->lines[index];
  node->next = NULL;
  if (line->first == NULL)
    line->first = node;
  else
    line->last->next = node;
  line->last = node;
}

echo_node *echo__pinned_take(echo__pinned *pinned, int index) {
  echo__line *line = &pinned->lines[index];
  echo_node *node = line->first;
  if (node != NULL) line->first = node->next;
  return node;
}

echo_node *echo__pinned_unsort(echo__pinned *pinned) {
  echo_node *chain = NULL;
  for (int i = ECHO_PRIORITIES - 1; i >= 0; i--) {
    echo__line *line = &pinned->lines[i];
    if (line->first == NULL) continue;
    line->last->next = chain;
    chain = line->first;
    line->first = NULL;
  }
  return chain;
}
