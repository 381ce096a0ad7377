/* The part of an editor that this example is about: a Lua state for its scripts, and a scheduler
 * that the program owns. One thread, the one that draws. */
#ifndef EDITOR_H
#define EDITOR_H

#include <echo/lua.h>
#include <stdbool.h>

typedef struct editor {
  lua_State *L;
  echo_scheduler *scheduler;
  char status[128]; /* what the scripts say */
  bool done;        /* they have called done() */
} editor;

/* Makes both and runs the script with two arguments; false with a message on stderr. In any case
 * editor_close must be called. */
bool editor_open(editor *e, const char *script, const char *tree, bool inline_work);

/* Tells the script of a key; false with a message if it raised an error. */
bool editor_key(editor *e, char key);

/* Lets the script do what it does in each frame; likewise. */
bool editor_frame(editor *e);

/* Hands results to the script, and begins with none when so many seconds have passed. */
void editor_pump(editor *e, double seconds);

void editor_close(editor *e);

#endif
