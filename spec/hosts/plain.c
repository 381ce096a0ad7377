/* A host that does nothing special: with a shared liblua, or with a static Lua whose functions it
 * exports. */
#include "host.h"

int main(int count, char **arguments) {
  CHECK(count == 2);
  for (int i = 0; i < 3; i++) {
    lua_State *L = host_open(arguments[1]);
    host_run(L, host_work);
    lua_close(L);
    CHECK(host_threads(1) == 1);
  }
  return 0;
}
