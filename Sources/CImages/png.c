#include "CImages.h"

#include <png.h>
#include <string.h>

static int fail(png_image *image, char *message, const char *text) {
  strncpy(message, text, CIMAGES_MESSAGE - 1);
  message[CIMAGES_MESSAGE - 1] = 0;
  png_image_free(image);
  return -1;
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
