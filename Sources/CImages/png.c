#include "CImages.h"

#include <png.h>
#include <string.h>

static int fail(png_image *image, char *message, const char *text) {
  strncpy(message, text, CIMAGES_MESSAGE - 1);
  message[CIMAGES_MESSAGE - 1] = 0;
  png_image_free(image);
  return -1;
}

/// Begins to read: the header.
static int begin(
    png_image *image, const uint8_t *bytes, size_t size, cimages_extent *extent, char *message) {
  memset(image, 0, sizeof *image);
  image->version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(image, bytes, size)) {
    return fail(image, message, image->message);
  }
  if (image->format & PNG_FORMAT_FLAG_ALPHA) {
    return fail(image, message, "it has an alpha channel, whose background nobody has said");
  }
  if (image->format & PNG_FORMAT_FLAG_LINEAR) {
    return fail(image, message, "it has 16 bits a sample; 8 are the most");
  }
  if (image->width > 1 << 20 || image->height > 1 << 20) {
    return fail(image, message, "it is larger than 1048576 pixels on a side");
  }
  extent->width = (int32_t)image->width;
  extent->height = (int32_t)image->height;
  extent->channels = image->format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  return 0;
}

int cimages_png_extent(
    const uint8_t *bytes, size_t size, cimages_extent *extent, char message[CIMAGES_MESSAGE]) {
  png_image image;
  if (begin(&image, bytes, size, extent, message) != 0) return -1;
  png_image_free(&image);
  return 0;
}

int cimages_png_pixels(
    const uint8_t *bytes, size_t size, const cimages_extent *extent, uint8_t *pixels,
    char message[CIMAGES_MESSAGE]) {
  png_image image;
  cimages_extent own;
  if (begin(&image, bytes, size, &own, message) != 0) return -1;
  if (own.width != extent->width || own.height != extent->height ||
      own.channels != extent->channels) {
    return fail(&image, message, "its extent is another one");
  }
  image.format = own.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  if (!png_image_finish_read(&image, 0, pixels, own.width * own.channels, 0) ||
      image.warning_or_error != 0) {
    return fail(&image, message, image.message);
  }
  png_image_free(&image);
  return 0;
}

int cimages_png_write(
    const uint8_t *pixels, const cimages_extent *extent, uint8_t *bytes, size_t *size,
    char message[CIMAGES_MESSAGE]) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = (png_uint_32)extent->width;
  image.height = (png_uint_32)extent->height;
  image.format = extent->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t room = *size;
  if (!png_image_write_to_memory(
          &image, bytes, &room, 0, pixels, extent->width * extent->channels, 0)) {
    return fail(&image, message, image.message[0] ? image.message : "there is no room for it");
  }
  *size = room;
  return 0;
}
