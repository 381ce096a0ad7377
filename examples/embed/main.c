/*
 * A loop that draws sixty times a second while its scripts make an index of a tree in the
 * background and complete what is being typed.
 *
 *   embed SCRIPT TREE [inline]      inline: the scripts do the same in the thread that draws
 *
 * At the end it prints how long the frames took. Exits with 0 if all went well.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "editor.h"
#include "frames.h"

enum { FRAMES_PER_KEY = 20, SECONDS_AT_MOST = 120 };

static const double budget = 0.002; /* seconds of a frame that results of scripts may take */

/* Stands for drawing: the bottom line, if it is another one. */
static void draw(const editor *e) {
  static char shown[sizeof e->status];
  if (strcmp(shown, e->status) == 0) return;
  memcpy(shown, e->status, sizeof shown);
  fprintf(stderr, "\r%-78s", shown);
}

static bool type_now_and_then(editor *e, int frame) {
  static const char text[] = "size_t pthread_mutex ";
  if (frame % FRAMES_PER_KEY != 0) return true;
  return editor_key(e, text[frame / FRAMES_PER_KEY % (sizeof text - 1)]);
}

static bool run(editor *e, frames *all) {
  double began = frames_now();
  bool terminal = isatty(STDERR_FILENO);
  for (int frame = 0; !e->done; frame++) {
    double now = frames_begin(all);
    if (now - began > SECONDS_AT_MOST) return false;
    if (!type_now_and_then(e, frame) || !editor_frame(e)) return false;
    editor_pump(e, budget);
    if (terminal) draw(e);
    frames_end(all, now);
  }
  return true;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: %s SCRIPT TREE [inline]\n", arguments[0]);
    return 2;
  }
  editor e;
  frames all = {0};
  bool inline_work = count > 3 && strcmp(arguments[3], "inline") == 0;
  bool well = editor_open(&e, arguments[1], arguments[2], inline_work) && run(&e, &all);
  if (well) printf("%s\n", e.status);
  frames_print(&all, inline_work ? "in the thread that draws" : "in the background");
  editor_close(&e);
  frames_close(&all);
  return well ? 0 : 1;
}
