#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct lines {
  char *bytes;
  size_t size;
  FILE *stream;
} lines;

static bool lines_open(lines *l) {
  l->bytes = NULL;
  l->stream = open_memstream(&l->bytes, &l->size);
  return l->stream != NULL;
}

static int lines_return(lines *l, echo_lua_call *call) {
  if (fclose(l->stream) != 0) return ECHO_MEMORY;
  return echo_lua_call_return_string(call, l->bytes, l->size);
}

/* Links are left alone, so there are no circles. */
static void sort_in(const char *folder, const char *name, lines *files, lines *folders) {
  char path[4096];
  struct stat status;
  if (name[0] == '.') return;
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return;
  if (lstat(path, &status) != 0) return;
  if (S_ISREG(status.st_mode)) fprintf(files->stream, "%s\n", name);
  if (S_ISDIR(status.st_mode)) fprintf(folders->stream, "%s\n", name);
}

static int list_into(echo_lua_call *call, DIR *entries, const char *path) {
  lines files, folders;
  if (!lines_open(&files)) return ECHO_MEMORY;
  if (!lines_open(&folders)) {
    fclose(files.stream);
    free(files.bytes);
    return ECHO_MEMORY;
  }
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL && !echo_lua_call_is_cancelled(call))
    sort_in(path, entry->d_name, &files, &folders);
  int status = lines_return(&files, call);
  int other = lines_return(&folders, call);
  free(files.bytes);
  free(folders.bytes);
  return status != ECHO_OK ? status : other;
}

int listing_list(echo_lua_call *call, void *unused) {
  const char *path;
  (void)unused;
  if (echo_lua_call_get_string(call, 1, &path, NULL) != ECHO_OK) return ECHO_INVALID;
  DIR *entries = opendir(path);
  if (entries == NULL) return echo_lua_call_fail(call, "%s: %s", path, strerror(errno));
  int status = list_into(call, entries, path);
  closedir(entries);
  return status;
}
