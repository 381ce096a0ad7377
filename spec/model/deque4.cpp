/* The same with four slots: the older half is a chain. */
#define MODEL_RING 4
#include "deque.cpp"
