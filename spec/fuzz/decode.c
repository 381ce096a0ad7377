/*
 * A fuzzer's target: whatever the bytes say, decoding them ends in values or in a sentence.
 *
 * The bytes are decoded twice in one state, the second time with its caches filled. What arrived is
 * then sent on: what the encoder makes of it, the decoder must not call malformed.
 */
#include "echo/status.h"
#include "fuzz/receiver.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_on(fuzz_receiver *r) {
  echo__message message;
  echo__message_init(&message);
  if (fuzz_encode(r, 1, &message) == ECHO_OK && fuzz_decode(r, &message) == ECHO_TRANSFER &&
      strncmp(lua_tostring(r->L, -1), "malformed", 9) == 0)
    fuzz_fail("what was encoded does not decode", lua_tostring(r->L, -1));
  echo__message_release(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_receiver r;
  echo__message message;
  echo__message_init(&message);
  fuzz_file_read(data, size, &message);
  fuzz_receiver_open(&r);
  fuzz_decode(&r, &message);
  lua_settop(r.L, 0);
  if (fuzz_decode(&r, &message) >= 0) send_on(&r);
  lua_settop(r.L, 0);
  fuzz_receiver_close(&r);
  echo__message_release(&message);
  return 0;
}
