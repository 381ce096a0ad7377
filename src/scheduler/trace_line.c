#include "scheduler/trace_line.h"

/* Two digits at a time. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

void echo__line_put_number(echo__trace_line *line, uint64_t number) {
  char digits[20], *first = digits + sizeof digits;
  for (; number >= 100; number /= 100)
    memcpy(first -= 2, pairs + 2 * (number % 100), 2);
  if (number >= 10)
    memcpy(first -= 2, pairs + 2 * number, 2);
  else
    *--first = (char)('0' + number);
  echo__line_put_bytes(line, first, (size_t)(digits + sizeof digits - first));
}

void echo__line_put_time(echo__trace_line *line, uint64_t nanoseconds) {
  unsigned rest = (unsigned)(nanoseconds % 1000);
  echo__line_put_number(line, nanoseconds / 1000);
  char decimals[4] = {'.', (char)('0' + rest / 100)};
  memcpy(decimals + 2, pairs + 2 * (rest % 100), 2);
  echo__line_put_bytes(line, decimals, sizeof decimals);
}

/* -- names ------------------------------------------------------------------------------------ */

/* The least code point that so many bytes (2 to 4) may stand for: shorter ways to write it are the
 * only ones allowed. */
static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

static unsigned length_of(unsigned char first) {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The bytes of the character that begins here and is none of ASCII, or 0 if it is not UTF-8. */
static unsigned character(const unsigned char *text, size_t left) {
  unsigned length = length_of(text[0]);
  if (length == 0 || length > left) return 0;
  uint32_t point = text[0] & (0x7fu >> length);
  for (unsigned i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    point = point << 6 | (text[i] & 0x3f);
  }
  bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < least[length] || point > 0x10ffff || surrogate ? 0 : length;
}

static void put_ascii(echo__trace_line *line, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  if (c >= ' ' && c != '"' && c != '\\') {
    *line->next++ = (char)c;
  } else if (c < ' ') {
    const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    echo__line_put_bytes(line, escape, sizeof escape);
  } else {
    *line->next++ = '\\';
    *line->next++ = (char)c;
  }
}

void echo__line_put_name(echo__trace_line *line, const char *name, size_t length) {
  const unsigned char *text = (const unsigned char *)name;
  if (length > ECHO__TRACE_NAME) length = ECHO__TRACE_NAME;
  *line->next++ = '"';
  for (size_t i = 0; i < length;) {
    if (text[i] < 0x80) {
      put_ascii(line, text[i++]);
      continue;
    }
    unsigned bytes = character(text + i, length - i);
    if (bytes > 0)
      echo__line_put_bytes(line, name + i, bytes);
    else
      echo__line_put(line, "\\ufffd");
    i += bytes > 0 ? bytes : 1;
  }
  *line->next++ = '"';
}
