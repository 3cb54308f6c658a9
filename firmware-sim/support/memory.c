// The memory functions that compilers call. No allocation: what would need one does not link.
#include <stddef.h>
#include <stdint.h>

/// Words are copied one by one where both ends lie on words, bytes elsewhere. The attribute keeps
/// the compiler from turning these loops into calls of what they define.
#define NO_BUILTIN __attribute__((no_builtin, noinline, used))

static int on_words(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & 3) == 0;
}

NO_BUILTIN void *memcpy(void *restrict target, const void *restrict source, size_t count) {
  uint8_t *to = target;
  const uint8_t *from = source;
  if (on_words(to, from)) {
    for (; count >= 4; count -= 4, to += 4, from += 4) *(uint32_t *)to = *(const uint32_t *)from;
  }
  while (count-- > 0) *to++ = *from++;
  return target;
}

NO_BUILTIN void *memmove(void *target, const void *source, size_t count) {
  uint8_t *to = target;
  const uint8_t *from = source;
  if (to <= from || to >= from + count) return memcpy(target, source, count);
  while (count-- > 0) to[count] = from[count];
  return target;
}

NO_BUILTIN void *memset(void *target, int value, size_t count) {
  uint8_t *to = target;
  uint32_t byte = (uint8_t)value;
  for (; count > 0 && ((uintptr_t)to & 3) != 0; count--) *to++ = (uint8_t)byte;
  for (; count >= 4; count -= 4, to += 4) *(uint32_t *)to = byte * 0x01010101u;
  while (count-- > 0) *to++ = (uint8_t)byte;
  return target;
}

NO_BUILTIN int memcmp(const void *first, const void *second, size_t count) {
  const uint8_t *a = first, *b = second;
  for (; count > 0; count--, a++, b++) {
    if (*a != *b) return *a - *b;
  }
  return 0;
}

// The names of Arm's run-time ABI. Some may assume alignment; none needs to.
#define ALSO(name) __attribute__((alias(name), used))
ALSO("memcpy") void __aeabi_memcpy(void *target, const void *source, size_t count);
ALSO("memcpy") void __aeabi_memcpy4(void *target, const void *source, size_t count);
ALSO("memcpy") void __aeabi_memcpy8(void *target, const void *source, size_t count);
ALSO("memmove") void __aeabi_memmove(void *target, const void *source, size_t count);
ALSO("memmove") void __aeabi_memmove4(void *target, const void *source, size_t count);
ALSO("memmove") void __aeabi_memmove8(void *target, const void *source, size_t count);

/// The ABI's order of arguments is another one here.
void __aeabi_memset(void *target, size_t count, int value) { memset(target, value, count); }
ALSO("__aeabi_memset") void __aeabi_memset4(void *target, size_t count, int value);
ALSO("__aeabi_memset") void __aeabi_memset8(void *target, size_t count, int value);
void __aeabi_memclr(void *target, size_t count) { memset(target, 0, count); }
ALSO("__aeabi_memclr") void __aeabi_memclr4(void *target, size_t count);
ALSO("__aeabi_memclr") void __aeabi_memclr8(void *target, size_t count);
