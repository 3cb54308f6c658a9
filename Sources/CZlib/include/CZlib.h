// Debian's zlib as it is, and what Swift cannot import of it: inflateInit2 is a macro.
#ifndef CUPEL_CZLIB_H
#define CUPEL_CZLIB_H

#include <zlib.h>

/// Prepares `stream` for gzip data (RFC 1952) and nothing else; its trailers are checked.
static inline int czlib_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, MAX_WBITS + 16);
}

/// Prepares `stream` for deflated data without header or trailer (RFC 1951), as in zip archives.
static inline int czlib_inflate_init_raw(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}

/// Prepares `stream` for zlib's own format (RFC 1950), as in PNG files.
static inline int czlib_inflate_init_zlib(z_stream *stream) {
  return inflateInit2(stream, MAX_WBITS);
}

/// CRC-32 of `count` bytes, of any count.
static inline unsigned int czlib_crc32(const unsigned char *bytes, unsigned long count) {
  return (unsigned int)crc32_z(0, bytes, count);
}

#endif
