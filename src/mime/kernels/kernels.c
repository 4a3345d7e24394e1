// The loops over octets as WebAssembly with SIMD. `node scripts/kernels.mjs` compiles them into compiled.ts.
//
// All memory is scratch: what a call needs is put in before it, what it gives is taken out after it, and nothing is
// kept for the next one. Octets behind the end of an input are read and have no effect.

#include <stdint.h>
#include <wasm_simd128.h>

#define WINDOW 65536
/** Octets that are expanded before lines are made of them. */
#define BLOCK 2048
/** Room behind every buffer for whole vectors, and before the input for the octet before. */
#define SLACK 128

#define CR 13
#define LF 10

static uint8_t input[SLACK + WINDOW + SLACK];
static uint8_t expanded[SLACK + BLOCK * 3 + SLACK];
static uint8_t output[WINDOW * 3 + WINDOW / 8 + 4 * SLACK];
static int32_t result[4];

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("window") int32_t window(void) { return WINDOW; }
EXPORT("input") uint8_t *input_at(void) { return input + SLACK; }
EXPORT("expanded") uint8_t *expanded_at(void) { return expanded; }
EXPORT("output") uint8_t *output_at(void) { return output; }
EXPORT("result") int32_t *result_at(void) { return result; }

static inline v128_t load(const uint8_t *at) { return wasm_v128_load(at); }
static inline void store(uint8_t *at, v128_t v) { wasm_v128_store(at, v); }
static inline v128_t eq(v128_t v, uint8_t octet) { return wasm_i8x16_eq(v, wasm_u8x16_splat(octet)); }

static inline uint64_t bits(v128_t a, v128_t b, v128_t c, v128_t d) {
  return (uint64_t)(wasm_i8x16_bitmask(a) | wasm_i8x16_bitmask(b) << 16) |
         (uint64_t)(wasm_i8x16_bitmask(c) | wasm_i8x16_bitmask(d) << 16) << 32;
}

// ---- Scan ----

// result: where the first line ended (0: none did), where the last one did, the longest of those between, octets above
// 127. Returns 1 for a NUL, 2 for a bare CR or LF, added.
EXPORT("scan") int32_t scan(int32_t length, int32_t after_cr) {
  uint8_t *in = input + SLACK;
  const v128_t filler = wasm_u8x16_splat('x');
  for (int k = 0; k < 64; k += 16) store(in + length + k, filler);
  v128_t least = filler;
  uint64_t carry = after_cr != 0, bare = 0;
  int32_t first = 0, last = 0, longest = 0, eight = 0;
  for (int32_t at = 0; at < length; at += 64) {
    const v128_t a = load(in + at), b = load(in + at + 16), c = load(in + at + 32), d = load(in + at + 48);
    least = wasm_u8x16_min(least, wasm_u8x16_min(wasm_u8x16_min(a, b), wasm_u8x16_min(c, d)));
    eight += __builtin_popcountll(bits(a, b, c, d));
    const uint64_t cr = bits(eq(a, CR), eq(b, CR), eq(c, CR), eq(d, CR));
    const uint64_t lf = bits(eq(a, LF), eq(b, LF), eq(c, LF), eq(d, LF));
    const uint64_t after = cr << 1 | carry;
    const int32_t rest = length - at;
    carry = cr >> 63;
    bare |= (after ^ lf) & (rest >= 64 ? ~0ull : ~(~0ull << rest));
    for (uint64_t ends = after & lf; ends != 0; ends &= ends - 1) {
      const int32_t end = at + __builtin_ctzll(ends) + 1;
      if (first == 0) first = end;
      else if (end - last > longest) longest = end - last;
      last = end;
    }
  }
  result[0] = first;
  result[1] = last;
  result[2] = longest;
  result[3] = eight;
  return (wasm_i8x16_all_true(least) ? 0 : 1) | (bare ? 2 : 0);
}

// ---- Base64 ----

// Sixteen letters for the first twelve octets.
static inline v128_t letters(v128_t v) {
  const v128_t x = wasm_i8x16_shuffle(v, wasm_i8x16_splat(0), 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11, 10, 9, 16);
  const v128_t six = wasm_v128_or(wasm_v128_or(wasm_u32x4_shr(x, 18),
                                               wasm_v128_and(wasm_u32x4_shr(x, 4), wasm_u32x4_splat(0x3f00))),
                                  wasm_v128_or(wasm_v128_and(wasm_i32x4_shl(x, 10), wasm_u32x4_splat(0x3f0000)),
                                               wasm_v128_and(wasm_i32x4_shl(x, 24), wasm_u32x4_splat(0x3f000000))));
  // 0 for a-z, 1 to 10 for digits, 11 for +, 12 for /, 13 for A-Z: what has to be added to the value.
  const v128_t shifts = wasm_i8x16_make('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                        '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  const v128_t capital = wasm_v128_and(wasm_i8x16_lt(six, wasm_i8x16_splat(26)), wasm_i8x16_splat(13));
  const v128_t kind = wasm_v128_or(wasm_u8x16_sub_sat(six, wasm_u8x16_splat(51)), capital);
  return wasm_i8x16_add(six, wasm_i8x16_swizzle(shifts, kind));
}

static inline void line_of_letters(const uint8_t *in, uint8_t *out) {
  for (int k = 0; k < 5; k++) store(out + 16 * k, letters(load(in + 12 * k)));
}

// Whole lines, and with `last` the rest. Returns how many octets of output there are.
EXPORT("base64") int32_t base64(int32_t length, int32_t last) {
  uint8_t *in = input + SLACK, *out = output;
  for (; length >= 57; length -= 57) {
    line_of_letters(in, out);
    out[76] = CR;
    out[77] = LF;
    in += 57;
    out += 78;
  }
  if (!last || length == 0) return out - output;
  store(in + length, wasm_i8x16_splat(0));
  line_of_letters(in, out);
  out += (length + 2) / 3 * 4;
  if (length % 3 != 0) out[-1] = '=';
  if (length % 3 == 1) out[-2] = '=';
  out[0] = CR;
  out[1] = LF;
  return out + 2 - output;
}

// ---- Quoted-printable ----
// First octets are expanded without regard to lines, then lines are cut from that: `=` there begins an escape, always.

// How four octets are put together, for each of the sixteen ways in which they may need an escape: indices into the four
// octets, their high digits, their low digits, and `=`.
static uint8_t four[16][16];
static uint8_t four_length[16];

EXPORT("prepare") void prepare(void) {
  for (int mask = 0; mask < 16; mask++) {
    int to = 0;
    for (int k = 0; k < 4; k++) {
      if (mask >> k & 1) {
        four[mask][to++] = 12;
        four[mask][to++] = 4 + k;
        four[mask][to++] = 8 + k;
      } else {
        four[mask][to++] = k;
      }
    }
    four_length[mask] = to;
  }
}

static inline v128_t both(v128_t a, v128_t b) { return wasm_v128_and(a, b); }
static inline v128_t either(v128_t a, v128_t b) { return wasm_v128_or(a, b); }

// All ones for each octet that must be escaped.
static inline v128_t escaped(const uint8_t *in, v128_t v, int text) {
  const v128_t printable =
      wasm_v128_andnot(wasm_u8x16_lt(wasm_i8x16_sub(v, wasm_u8x16_splat(33)), wasm_u8x16_splat(94)), eq(v, '='));
  const v128_t space = either(eq(v, ' '), eq(v, '\t'));
  if (!text) return wasm_v128_not(either(printable, space));
  const v128_t next = load(in + 1), before = load(in - 1);
  const v128_t inner = wasm_v128_andnot(space, eq(next, CR));
  const v128_t crlf = either(both(eq(v, CR), eq(next, LF)), both(eq(v, LF), eq(before, CR)));
  return wasm_v128_not(either(either(printable, inner), crlf));
}

static inline v128_t digits(v128_t nibbles) {
  return wasm_i8x16_swizzle(
      wasm_i8x16_make('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'), nibbles);
}

static inline uint8_t *put_four(uint8_t *to, v128_t parts, int mask) {
  store(to, wasm_i8x16_swizzle(parts, load(four[mask])));
  return to + four_length[mask];
}

// Whole vectors only: `length` is a multiple of sixteen.
static inline uint8_t *expand(const uint8_t *in, int32_t length, uint8_t *to, int text) {
  const v128_t equals = wasm_u8x16_splat('=');
  for (const uint8_t *end = in + length; in < end; in += 16) {
    const v128_t v = load(in);
    const uint32_t mask = wasm_i8x16_bitmask(escaped(in, v, text));
    if (mask == 0) {
      store(to, v);
      to += 16;
      continue;
    }
    const v128_t high = digits(wasm_u8x16_shr(v, 4)), low = digits(wasm_v128_and(v, wasm_u8x16_splat(15)));
    const v128_t a = wasm_i32x4_shuffle(v, high, 0, 4, 1, 5), b = wasm_i32x4_shuffle(v, high, 2, 6, 3, 7);
    const v128_t c = wasm_i32x4_shuffle(low, equals, 0, 4, 1, 5), d = wasm_i32x4_shuffle(low, equals, 2, 6, 3, 7);
    to = put_four(to, wasm_i64x2_shuffle(a, c, 0, 2), mask & 15);
    to = put_four(to, wasm_i64x2_shuffle(a, c, 1, 3), mask >> 4 & 15);
    to = put_four(to, wasm_i64x2_shuffle(b, d, 0, 2), mask >> 8 & 15);
    to = put_four(to, wasm_i64x2_shuffle(b, d, 1, 3), mask >> 12);
  }
  return to;
}

static inline uint8_t *escape(uint8_t *to, uint8_t octet) {
  to[0] = '=';
  to[1] = "0123456789ABCDEF"[octet >> 4];
  to[2] = "0123456789ABCDEF"[octet & 15];
  return to + 3;
}

// `end`: nothing follows.
static uint8_t *expand_one(const uint8_t *in, uint8_t *to, int text, int end) {
  const uint8_t octet = *in;
  int plain;
  if (octet == ' ' || octet == '\t') plain = !end && !(text && in[1] == CR);
  else if (octet == CR) plain = text && !end && in[1] == LF;
  else if (octet == LF) plain = text && in[-1] == CR;
  else plain = octet > 32 && octet < 127 && octet != '=';
  if (!plain) return escape(to, octet);
  *to = octet;
  return to + 1;
}

static int begins_badly(const uint8_t *p) {
  if (*p == '.') return 1;
  if (*p == '-') return p[1] == '-';
  return p[1] == 'r' && p[2] == 'o' && p[3] == 'm' && (p[4] == ' ' || (p[4] == '=' && p[5] == '2' && p[6] == '0'));
}

// Lines of 76 at most out of what was expanded, as long as `enough` octets of it are left; `from` moves on.
static inline uint8_t *wrap(const uint8_t **from, const uint8_t *end, int32_t enough, uint8_t *out) {
  const uint8_t *p = *from;
  while (end - p >= enough) {
    int32_t column = 0;
    if (*p == '-' || *p == '.' || *p == 'F') {
      if (begins_badly(p)) {
        out = escape(out, *p++);
        column = 3;
      }
    }
    const v128_t a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48), e = load(p + 64);
    store(out, a);
    store(out + 16, b);
    store(out + 32, c);
    store(out + 48, d);
    store(out + 64, e);
    const uint64_t near = bits(eq(a, CR), eq(b, CR), eq(c, CR), eq(d, CR));
    const int32_t length = near != 0 ? __builtin_ctzll(near) : 64 + __builtin_ctz(wasm_i8x16_bitmask(eq(e, CR)) | 1 << 16);
    if (column + length <= 76) {
      p += length + 2;
      out += length + 2;
      continue;
    }
    int32_t cut = 75 - column;
    if (p[cut - 1] == '=') cut -= 1;
    else if (p[cut - 2] == '=') cut -= 2;
    out[cut] = '=';
    out[cut + 1] = CR;
    out[cut + 2] = LF;
    out += cut + 3;
    p += cut;
  }
  *from = p;
  return out;
}

// A line that ends can be told from one that has to be broken.
#define ENOUGH 80

// `pending` octets are expanded already and not in lines. All of the input is taken but its last octet, with `last`
// that too. result: how many octets are pending now (they stand at the beginning of `expanded`). Returns how many octets
// of output there are.
static inline int32_t quoted_printable(int32_t length, int32_t pending, int32_t last, int text) {
  const uint8_t *in = input + SLACK;
  uint8_t *to = expanded + pending, *out = output;
  const uint8_t *const end = in + length;
  for (int more = 1; more;) {
    const int32_t left = end - in;
    if (left > 16) {
      const int32_t now = left > BLOCK ? BLOCK : (left - 1) & ~15;
      to = expand(in, now, to, text);
      in += now;
    } else {
      for (; end - in > 1; in++) to = expand_one(in, to, text, 0);
      more = 0;
    }
    const uint8_t *from = expanded;
    if (last && !more) {
      if (in < end) to = expand_one(in, to, text, 1);
      // With one line end more every line has one.
      to[0] = CR;
      to[1] = LF;
      out = wrap(&from, to + 2, 1, out) - 2;
      to = expanded;
    } else {
      out = wrap(&from, to, ENOUGH, out);
      const int32_t rest = to - from;
      for (int32_t k = 0; k < rest; k += 16) store(expanded + k, load(from + k));
      to = expanded + rest;
    }
  }
  result[0] = to - expanded;
  return out - output;
}

EXPORT("qpText") int32_t qp_text(int32_t length, int32_t pending, int32_t last) {
  return quoted_printable(length, pending, last, 1);
}

EXPORT("qpBinary") int32_t qp_binary(int32_t length, int32_t pending, int32_t last) {
  return quoted_printable(length, pending, last, 0);
}
