#include "CImages.h"

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
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

/// A file that ends within its pixels is refused. Every other warning is read through, as Pillow and
/// its kin do: bytes that nobody asked for stand in many files of the large public sets.
static void heed(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) refuse(info, "it ends too early");
}

static void watch(j_common_ptr info) {
  j_decompress_ptr own = (j_decompress_ptr)info;
  if (own->input_scan_number > MOST_SCANS) refuse(info, "it has more than 100 scans");
}

/// Chooses grey, RGB or CMYK by the number of components.
static void choose_colours(j_decompress_ptr info) {
  switch (info->num_components) {
    case 1: info->out_color_space = JCS_GRAYSCALE; break;
    case 3: info->out_color_space = JCS_RGB; break;
    case 4: info->out_color_space = JCS_CMYK; break;
    default: refuse((j_common_ptr)info, "it has neither 1, 3 nor 4 colour components");
  }
}

/// a · b / 255, rounded, both 0 to 255.
static unsigned scaled(unsigned a, unsigned b) {
  unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Pixels of four inks, stored inverted as Adobe's programs do, to red, green and blue.
static void mix(const uint8_t *inks, uint8_t *row, size_t width) {
  for (size_t place = 0; place < width; place++, inks += 4, row += 3) {
    // An ink is 255 less what is stored, and takes away its share of what black leaves.
    for (int ink = 0; ink < 3; ink++) row[ink] = inks[3] - scaled(255 - inks[ink], inks[3]);
  }
}

static void read_rows(j_decompress_ptr info, const cimages_extent *extent, uint8_t *pixels) {
  JSAMPROW inks = 0;
  if (info->out_color_space == JCS_CMYK) {
    inks = info->mem->alloc_sarray(
        (j_common_ptr)info, JPOOL_IMAGE, (JDIMENSION)extent->width * 4, 1)[0];
  }
  size_t size = (size_t)extent->width * extent->channels;
  while (info->output_scanline < info->output_height) {
    uint8_t *place = pixels + info->output_scanline * size;
    JSAMPROW row = inks ? inks : place;
    jpeg_read_scanlines(info, &row, 1);
    if (inks) mix(inks, place, extent->width);
  }
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
  choose_colours(&info);
  cimages_extent found = {
      (int32_t)info.image_width, (int32_t)info.image_height, info.num_components == 1 ? 1 : 3};
  if (pixels == 0) {
    *extent = found;
    jpeg_destroy_decompress(&info);
    return 0;
  }
  if (memcmp(&found, extent, sizeof found) != 0) {
    refuse((j_common_ptr)&info, "its extent is another one");
  }
  jpeg_start_decompress(&info);
  read_rows(&info, &found, pixels);
  // All pixels are there: what follows them, even no end, says nothing about them.
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
