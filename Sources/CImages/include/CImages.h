/// JPEG files in memory to pixels by libjpeg, and pixels to PNG files by libpng. Both report errors by jumping out of their
/// calls, which Swift cannot catch, so this much is C.
#ifndef CUPEL_CIMAGES_H
#define CUPEL_CIMAGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  int32_t width, height;
  /// 1 grey, 3 red, green and blue.
  int32_t channels;
} cimages_extent;

enum { CIMAGES_MESSAGE = 256 };

/// Reads a JPEG file's extent. Four inks become red, green and blue as in Pillow. Returns 0, or -1 with a message.
int cimages_jpeg_extent(
    const uint8_t *bytes, size_t size, cimages_extent *extent, char message[CIMAGES_MESSAGE]);

/// Decodes an image whose extent was read before into height * width * channels bytes, channels
/// varying fastest. Returns 0, or -1 with a message, also where the file ends within the pixels.
int cimages_jpeg_pixels(
    const uint8_t *bytes, size_t size, const cimages_extent *extent, uint8_t *pixels,
    char message[CIMAGES_MESSAGE]);

/// Writes a PNG file of 8 bits a sample from height * width * channels bytes, channels varying
/// fastest, into `bytes`, which may be null to ask for the size. `size` is the room there is and
/// becomes the file's size. Returns 0, or -1 with a message, also where the room is too small.
int cimages_png_write(
    const uint8_t *pixels, const cimages_extent *extent, uint8_t *bytes, size_t *size,
    char message[CIMAGES_MESSAGE]);

#endif
