/*
 * echo/lua.h - Echo in Lua 5.4 states, for C programs that have some.
 *
 * A program either lets its scripts build schedulers (luaopen_echo is all that it needs then), or
 * it owns one and lends it to them:
 *
 *   echo_lua_build(builder, NULL, &scheduler);       workers with Lua states
 *   echo_lua_push_scheduler(L, scheduler);           its scripts may submit, and cannot stop it
 *   lua_setglobal(L, "scheduler");
 *   echo_lua_push_callback(L, "resize", resize, &images);
 *   lua_setglobal(L, "resize");                      scheduler:submit(resize, "a.png", 0.5)
 *   ...
 *   echo_lua_pump(L, 0);                             in its event loop: results reach the scripts
 *   ...
 *   echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 1.0, NULL);
 *   echo_scheduler_release(scheduler);               before or after lua_close(L)
 *
 * Link libecho-lua (CMake: echo::lua; pkg-config: echo-lua) and the Lua that the program has, which
 * may be a static one that exports nothing: the workers' states are made with the same.
 */
#ifndef ECHO_LUA_H
#define ECHO_LUA_H

#include <echo/buffer.h>
#include <echo/scheduler.h>
#include <echo/status.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- the module ------------------------------------------------------------------------------- */

/* Opens the module and leaves its table on the stack: the lua_CFunction for require, and for hosts
 * that link Echo (luaL_requiref(L, "echo", luaopen_echo, 0)). The thread that runs L. Raises a Lua
 * error if L is of another version of Lua than the module was built for.
 *
 * The module echo.so links no Lua. It uses the Lua that calls this function, of which it must find
 * the functions: in a liblua, however that was loaded, or in a program that exports its own. The
 * first that opens it decides for the process; another copy of Lua gets an error. */
ECHO_API int luaopen_echo(lua_State *L);

/* The same for a program that has a static Lua and exports nothing, by Lite XL's convention:
 * `resolve` returns the address of a function of Lua's by its name ("lua_gettop"), or NULL. Of
 * echo.so alone. Raises a Lua error, too, if a function is missing. */
ECHO_API int luaopen_lite_xl_echo(lua_State *L, void *(*resolve)(const char *name));

/* -- schedulers ------------------------------------------------------------------------------- */

/* What a program wants the workers' Lua states to be; all 0 is a good choice. The call-backs are
 * called on the worker's own thread, with the worker's number from 0 on; a worker may have several
 * states one after the other, never two at once. */
typedef struct echo_lua_config {
  /* Bytes that each worker's state may have, 131072 or more; 0: no limit. A task that would pass it
   * fails with kind "memory". Beside the state's allocator it counts, it does not take its place.
   */
  size_t memory_limit;

  /* The workers' package.path and package.cpath; copied. NULL: as openlibs leaves them. */
  const char *path, *cpath;

  void *data; /* for the call-backs; must outlive the scheduler */

  /* Makes a state, such as lua_newstate(my_allocator, arena) does, of the same copy of Lua that the
   * rest of the program has; NULL for want of memory: the task that waited for it fails, and the
   * next one on this worker tries again. The allocator is asked on this worker's thread alone. The
   * extra space (lua_getextraspace) is Echo's. Default: an allocator of Echo's own. */
  lua_State *(*newstate)(unsigned worker, void *data);

  /* Opens libraries and sets globals in a new state, where luaL_openlibs would be called otherwise.
   * May leave libraries out, and raise errors: then the task that waited for the state fails, and
   * the next one tries again. With `os` and `coroutine` Echo puts functions of its own in the place
   * of some, see docs/lua.md; without `package` tasks have no require. May use what this header has
   * for states: buffers, call-backs. */
  void (*openlibs)(lua_State *L, unsigned worker, void *data);

  /* Before the state is closed; also when openlibs raised an error. What it raises is ignored. */
  void (*closing)(lua_State *L, unsigned worker, void *data);

  /* After it was closed: what its allocator had is free. */
  void (*closed)(unsigned worker, void *data);
} echo_lua_config;

/* Builds a scheduler whose workers run Lua tasks beside those in C; in the place of
 * echo_builder_build, and like it once per builder. The caller owns it: he stops it
 * (echo_scheduler_stop) and gives it up (echo_scheduler_release) as any other. What Lua states
 * still hold of it keeps its memory, not its threads: a submit then raises kind "stopped". The
 * order in which it is released and the states are closed does not matter. Nothing starts before
 * the first submit, so a program may fork until then. `config` may be NULL; it is copied.
 *
 * The builder's worker, end and interrupt hooks are Echo's own then.
 *
 * ECHO_OK, ECHO_INVALID (a memory limit too small), ECHO_BUILT or ECHO_MEMORY. Any thread. */
ECHO_API int echo_lua_build(echo_builder *builder, const echo_lua_config *config,
                            echo_scheduler **scheduler);

/* Pushes a handle of a scheduler that echo_lua_build or a script has built, for any state of the
 * program, on whatever thread that runs: its scripts submit to it and get their own results. They
 * cannot stop it: s:stop() raises an error. If L is closed, its tasks that have not ended are
 * cancelled, and others' are not.
 *
 * ECHO_OK, or ECHO_INVALID for a scheduler whose workers have no Lua state: nothing is pushed then.
 * The scheduler must not have been given up by its owner meanwhile. The thread that runs L. Raises
 * Lua memory errors. */
ECHO_API int echo_lua_push_scheduler(lua_State *L, echo_scheduler *scheduler);

/* The scheduler at `index`, or NULL if the value is none. It is borrowed: good as long as the value
 * is, and not to be released. The thread that runs L; raises nothing. */
ECHO_API echo_scheduler *echo_lua_to_scheduler(lua_State *L, int index);

/* -- buffers ---------------------------------------------------------------------------------- */

/* Pushes a buffer, which the new value takes a reference to; the caller keeps his. The state need
 * not have opened the module. The thread that runs L. Raises Lua memory errors, and then has taken
 * nothing. */
ECHO_API void echo_lua_push_buffer(lua_State *L, echo_buffer *buffer);

/* The buffer at `index`, or NULL if the value is none. The value has the reference: to keep the
 * buffer longer than the value, retain it. The thread that runs L; raises nothing. */
ECHO_API echo_buffer *echo_lua_to_buffer(lua_State *L, int index);

/* -- call-backs ------------------------------------------------------------------------------- */

/* A C function of the program's that scripts submit like one of their own,
 *
 *   local task = scheduler:submit({ priority = "high" }, resize, "a.png", 0.5)
 *
 * or, in a task, call. It sees its arguments through a view and answers through it: no lua_State is
 * at hand, so no Lua error can leave it.
 *
 *   static int resize(echo_lua_call *call, void *data) {
 *     const char *path;
 *     lua_Number factor;
 *     if (echo_lua_call_get_string(call, 1, &path, NULL) != ECHO_OK) return ECHO_INVALID;
 *     if (echo_lua_call_get_number(call, 2, &factor) != ECHO_OK) return ECHO_INVALID;
 *     image *i = image_open(data, path);
 *     if (i == NULL) return echo_lua_call_fail(call, "cannot open %s", path);
 *     ...
 *     return echo_lua_call_return_integer(call, image_width(i));
 *   }
 *
 * Threads. It runs on the thread that calls it: a worker's for a task, and any worker's, several at
 * once if several tasks are submitted; the one of L where a script calls it directly. It may block,
 * which holds that worker; a named queue keeps the number of these low. Lua code cannot be
 * interrupted inside of it: a long one asks echo_lua_call_is_cancelled now and then. On a worker,
 * sleeps and polls may end with EINTR, as in any interruptible task. It may submit tasks in C and
 * wait for them. It must not leave by longjmp or a C++ exception, nor use a Lua state whose task
 * it is.
 *
 * Lifetimes. `call`, and all that it shows, are good until the function returns, on that thread
 * alone. To keep bytes copy them; to keep a buffer retain it (echo_buffer_retain), and then any
 * thread may have it. What is returned is copied at once.
 *
 * Results. Returning ECHO_OK, or another number from 0 on, makes what was returned through `call`
 * the task's results. A negative status makes the task fail: with the sentence that was given last,
 * by echo_lua_call_fail or a getter, or else that of the status (echo_strerror); its kind is
 * "memory" for ECHO_MEMORY without such a sentence, else "error". */
typedef struct echo_lua_call echo_lua_call;

typedef int (*echo_lua_callback)(echo_lua_call *call, void *data);

/* Pushes a call-back as a value for scripts. It travels to workers, alone or in tables and
 * upvalues. Two that were pushed separately are two. The name, which is copied, is for people: in
 * errors and as the task's name. `data` must stay as long as `function` may be called: until every
 * state that may hold the value is closed, and the schedulers that it was sent to have stopped.
 *
 * ECHO_OK, or ECHO_INVALID (no name, or no function): nothing is pushed then. The state need not
 * have opened the module. The thread that runs L. Raises Lua memory errors. */
ECHO_API int echo_lua_push_callback(lua_State *L, const char *name, echo_lua_callback function,
                                    void *data);

/* What a call-back can be given and return. Anything else is refused: at the submit, with kind
 * "transfer", or where a script calls it. */
typedef enum echo_lua_type {
  ECHO_LUA_NIL,
  ECHO_LUA_BOOLEAN,
  ECHO_LUA_INTEGER,
  ECHO_LUA_NUMBER, /* a float */
  ECHO_LUA_STRING,
  ECHO_LUA_BUFFER
} echo_lua_type;

typedef struct echo_lua_value {
  echo_lua_type type;
  union {
    bool boolean;
    lua_Integer integer;
    lua_Number number;
    struct {
      const char *bytes; /* any bytes; a zero byte follows that does not count */
      size_t size;
    } string;
    echo_buffer *buffer; /* borrowed */
  } as;
} echo_lua_value;

/* The number of arguments, trailing nils included. */
ECHO_API unsigned echo_lua_call_count(const echo_lua_call *call);

/* Argument `index`, counted from 1 as in Lua; nil where there is none. */
ECHO_API echo_lua_value echo_lua_call_argument(const echo_lua_call *call, unsigned index);

/* Argument `index`, which must be of that type: an integer may be given as a float without a
 * fraction, a number as an integer, and the bytes of a string as a buffer, which has no zero byte
 * behind them. Strings are not taken for numbers. `size` may be NULL for text: then zero bytes, and
 * buffers, are refused.
 *
 * ECHO_OK; or ECHO_INVALID with the sentence for the script noted ("bad argument #2 to 'resize'
 * (number expected, got nil)"), for the call-back to return. */
ECHO_API int echo_lua_call_get_boolean(echo_lua_call *call, unsigned index, bool *value);
ECHO_API int echo_lua_call_get_integer(echo_lua_call *call, unsigned index, lua_Integer *value);
ECHO_API int echo_lua_call_get_number(echo_lua_call *call, unsigned index, lua_Number *value);
ECHO_API int echo_lua_call_get_string(echo_lua_call *call, unsigned index, const char **bytes,
                                      size_t *size);
ECHO_API int echo_lua_call_get_buffer(echo_lua_call *call, unsigned index, echo_buffer **buffer);

/* Adds a result behind those that were added before. Bytes are copied; of a buffer the result takes
 * a reference of its own. ECHO_OK, ECHO_MEMORY, or ECHO_INVALID (no such type, no buffer, or no
 * bytes although there is a size): nothing is added then. */
ECHO_API int echo_lua_call_return(echo_lua_call *call, echo_lua_value value);
ECHO_API int echo_lua_call_return_nil(echo_lua_call *call);
ECHO_API int echo_lua_call_return_boolean(echo_lua_call *call, bool value);
ECHO_API int echo_lua_call_return_integer(echo_lua_call *call, lua_Integer value);
ECHO_API int echo_lua_call_return_number(echo_lua_call *call, lua_Number value);
ECHO_API int echo_lua_call_return_string(echo_lua_call *call, const char *bytes, size_t size);
ECHO_API int echo_lua_call_return_buffer(echo_lua_call *call, echo_buffer *buffer);

/* Notes the sentence, as printf does, for the script, and returns ECHO_INVALID for the call-back to
 * return. */
ECHO_API int echo_lua_call_fail(echo_lua_call *call, const char *format, ...)
#if defined(__GNUC__) || defined(__clang__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* True if the task was told to end: because it was cancelled or its time is up, and then nobody
 * looks at what the call-back returns; or because its scheduler stops, and then its results count
 * if it has some. False outside of tasks. */
ECHO_API bool echo_lua_call_is_cancelled(const echo_lua_call *call);

/* -- results ---------------------------------------------------------------------------------- */

/* For programs with an event loop of their own: what s:poll does for scripts. Calls the call-backs
 * of on_complete for tasks of this state that have ended, and resumes coroutines that await, as
 * many as wait at the moment. Waits up to `seconds` for the first one and begins no further one
 * when they have passed; 0 does not wait, and delivers all; a negative number waits as long as it
 * takes. Errors of what is called are reported (s:on_error). A loop that must not wait, and has
 * only so much time in each round, calls it with next to nothing (1e-9), which delivers one, until
 * it returns 0 or the time is over.
 *
 * Returns the number delivered, or ECHO_INVALID in a worker's state and in one that is closing.
 * Raises, as lua_call does, memory errors and what a hook raises. The thread that runs L, which may
 * be any coroutine of its state. */
ECHO_API int echo_lua_pump(lua_State *L, double seconds);

/* Sets what is called when there is something to pump; NULL: nothing. wakeup(data) is called from
 * worker threads, or the one that submits, stops or pumps, never from two at once, and once only
 * until the next pump. It runs with locks held: it must be short (post an event, write to a pipe),
 * must not block, and must call neither Lua nor Echo. When this function returns the former
 * call-back is not running any more; nor is any when the state is closed.
 *
 * ECHO_OK or ECHO_INVALID, as above. Raises memory errors. The thread that runs L. */
ECHO_API int echo_lua_set_wakeup(lua_State *L, void (*wakeup)(void *data), void *data);

#ifdef __cplusplus
}
#endif

#endif
