#include "CImages.h"

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <string.h>

/// A progressive file may come in ever more scans, each of which costs the whole image's time.
enum { MOST_SCANS = 100 };

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf stop;
  char *message;
} trouble;

static void refuse(j_common_ptr info, const char *text) {
  trouble *own = (trouble *)info->err;
  strncpy(own->message, text, CIMAGES_MESSAGE - 1);
  own->message[CIMAGES_MESSAGE - 1] = 0;
  longjmp(own->stop, 1);
}

static void stop(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  refuse(info, text);
}

/// A warning means that data is damaged and was made up.
static void heed(j_common_ptr info, int level) {
  if (level < 0) stop(info);
}

static void watch(j_common_ptr info) {
  j_decompress_ptr own = (j_decompress_ptr)info;
  if (own->input_scan_number > MOST_SCANS) refuse(info, "it has more than 100 scans");
}

/// Reads the header, and the pixels unless `pixels` is null.
static int read_image(
    const uint8_t *bytes, size_t size, cimages_extent *extent, uint8_t *pixels, char *message) {
  struct jpeg_decompress_struct info;
  struct jpeg_progress_mgr progress = {.progress_monitor = watch};
  trouble own = {.message = message};
  info.err = jpeg_std_error(&own.manager);
  own.manager.error_exit = stop;
  own.manager.emit_message = heed;
  if (setjmp(own.stop)) {
    jpeg_destroy_decompress(&info);
    return -1;
  }
  jpeg_create_decompress(&info);
  info.progress = &progress;
  jpeg_mem_src(&info, bytes, size);
  jpeg_read_header(&info, TRUE);
  if (info.jpeg_color_space == JCS_GRAYSCALE) {
    info.out_color_space = JCS_GRAYSCALE;
  } else if (info.jpeg_color_space == JCS_YCbCr || info.jpeg_color_space == JCS_RGB) {
    info.out_color_space = JCS_RGB;
  } else {
    refuse((j_common_ptr)&info, "its colours are neither grey nor red, green and blue");
  }
  cimages_extent found = {
      (int32_t)info.image_width, (int32_t)info.image_height,
      info.out_color_space == JCS_RGB ? 3 : 1};
  if (pixels == 0) {
    *extent = found;
    jpeg_destroy_decompress(&info);
    return 0;
  }
  if (memcmp(&found, extent, sizeof found) != 0) {
    refuse((j_common_ptr)&info, "its extent is another one");
  }
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels + (size_t)info.output_scanline * found.width * found.channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return 0;
}

int cimages_jpeg_extent(
    const uint8_t *bytes, size_t size, cimages_extent *extent, char message[CIMAGES_MESSAGE]) {
  return read_image(bytes, size, extent, 0, message);
}

int cimages_jpeg_pixels(
    const uint8_t *bytes, size_t size, const cimages_extent *extent, uint8_t *pixels,
    char message[CIMAGES_MESSAGE]) {
  cimages_extent own = *extent;
  return read_image(bytes, size, &own, pixels, message);
}
