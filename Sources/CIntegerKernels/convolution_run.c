// Convolutions on any level: their input is staged with its padding, so that the kernels know no
// borders, and tiles of pixels run along it.
#include "kinds.h"
#include "staging.h"

/// Staged bytes of which several blocks of weights in a row find the most in the nearest cache.
enum { NEAR_BYTES = 24 << 10 };

/// Stages rows first ..< first + count of the padded input, counted from the first row that output
/// row 0 reaches.
static void stage_rows(
    const cupel_packed *packed, const int8_t *input, int64_t first, int64_t count,
    uint8_t *staged) {
  const cupel_extent *extent = &packed->input;
  int64_t row_values = (int64_t)extent->width * extent->channels;
  int64_t top = first - packed->window.pad_top;
  if (packed->window.pad_left == 0 && packed->columns == extent->width && top >= 0 &&
      top + count <= extent->height) {
    packed->kernels->stage(
        input + top * row_values, count * row_values, packed->input_zero_point, staged);
    return;
  }
  for (int64_t row = 0; row < count; row++) {
    cupel_stage_row(packed, input, top + row, staged + row * packed->row_bytes);
  }
}

/// Runs blocks first ..< last of a group on pixels whose pointers are those of group 0, block 0.
static void run_blocks(
    const cupel_packed *packed, const cupel_kernels *kernels, const cupel_pixels *pixels,
    int32_t group, int32_t first, int32_t last) {
  int64_t channels = packed->output.channels / packed->groups;
  int64_t depth = (int64_t)packed->input.channels / packed->groups * packed->element_bytes;
  cupel_pixels own = *pixels;
  for (int32_t pixel = 0; pixel < CUPEL_MOST_PIXELS; pixel++) own.inputs[pixel] += group * depth;
  for (int32_t block = first; block < last; block++) {
    for (int32_t pixel = 0; pixel < CUPEL_MOST_PIXELS; pixel++) {
      own.outputs[pixel] =
          pixels->outputs[pixel] + group * channels + (int64_t)block * kernels->block;
    }
    kernels->convolve(packed, &own, group, block, 1);
  }
}

/// The same for a single pixel, several whole blocks at a time.
static void run_single(
    const cupel_packed *packed, const cupel_kernels *kernels, const uint8_t *input, int8_t *output,
    int32_t group, int32_t first, int32_t last) {
  int64_t channels = packed->output.channels / packed->groups;
  int64_t depth = (int64_t)packed->input.channels / packed->groups * packed->element_bytes;
  // A short block goes by itself.
  int32_t whole = packed->blocks - (packed->last_block < kernels->block);
  cupel_pixels own = {.inputs = {input + group * depth}, .count = 1, .rows = 1, .tiles = 1};
  for (int32_t block = first; block < last;) {
    int32_t left = (last < whole ? last : whole) - block;
    int32_t together = left < 1 ? 1 : left < CUPEL_MOST_BLOCKS ? left : CUPEL_MOST_BLOCKS;
    own.outputs[0] = output + group * channels + (int64_t)block * kernels->block;
    kernels->convolve(packed, &own, group, block, together);
    block += together;
  }
}

/// A range of output pixels over staged images.
typedef struct {
  /// Pixels first ..< last of image 0 on, image after image.
  int64_t first, last;
  /// The output row that the staged rows begin with.
  int64_t first_row;
  const uint8_t *staged;
  int64_t staged_image_bytes;
  /// The first staged image's.
  int8_t *output;
  int64_t output_image_bytes;
} pixel_range;

/// Where a pixel of a range lies.
typedef struct {
  int64_t image, row, column;
} pixel_place;

static pixel_place place_of(const cupel_packed *packed, int64_t pixel) {
  int64_t width = packed->output.width, area = width * packed->output.height;
  int64_t image = pixel / area, within = pixel - image * area;
  return (pixel_place){image, within / width, within % width};
}

static int64_t pixel_step(const cupel_packed *packed) {
  return (int64_t)packed->window.stride_width * packed->input.channels * packed->element_bytes;
}

static const uint8_t *input_of(
    const cupel_packed *packed, const pixel_range *range, pixel_place place) {
  int64_t row_step = packed->window.stride_height * packed->row_bytes;
  return range->staged + place.image * range->staged_image_bytes +
         (place.row - range->first_row) * row_step + place.column * pixel_step(packed);
}

static int8_t *output_of(
    const cupel_packed *packed, const pixel_range *range, pixel_place place) {
  return range->output + place.image * range->output_image_bytes +
         (place.row * packed->output.width + place.column) * packed->output.channels;
}

/// `count` pixels from a place on that lie side by side, in tiles of `size`.
static void set_run(
    const cupel_packed *packed, const pixel_range *range, pixel_place place, int64_t tiles,
    int32_t size, cupel_pixels *pixels) {
  const uint8_t *input = input_of(packed, range, place);
  int8_t *output = output_of(packed, range, place);
  int64_t step = pixel_step(packed), channels = packed->output.channels;
  for (int32_t index = 0; index < CUPEL_MOST_PIXELS; index++) {
    // Beyond the tile, pointers repeat its last one.
    int64_t own = index < size ? index : size - 1;
    pixels->inputs[index] = input + own * step;
    pixels->outputs[index] = output + own * channels;
  }
  pixels->count = size;
  pixels->rows = 1;
  pixels->tiles = tiles;
  pixels->input_skip = 0;
  pixels->input_advance = size * step;
  pixels->output_advance = size * channels;
}

/// A tile of up to a tile's pixels that lie anywhere.
static void set_tile(
    const cupel_packed *packed, const pixel_range *range, pixel_place place, int32_t count,
    cupel_pixels *pixels) {
  for (int32_t index = 0; index < CUPEL_MOST_PIXELS; index++) {
    pixels->inputs[index] = input_of(packed, range, place);
    pixels->outputs[index] = output_of(packed, range, place);
    if (index + 1 >= count) continue;
    if (++place.column < packed->output.width) continue;
    place.column = 0;
    if (++place.row < packed->output.height) continue;
    place.row = 0;
    place.image++;
  }
  pixels->count = count;
  pixels->rows = 1;
  pixels->tiles = 1;
  pixels->input_advance = 0;
  pixels->input_skip = 0;
  pixels->output_advance = 0;
}

/// Takes the next pixels of a range: a run of them, or a tile. Returns how many.
static int64_t next_pixels(
    const cupel_packed *packed, const pixel_range *range, int64_t pixel, cupel_pixels *pixels) {
  pixel_place place = place_of(packed, pixel);
  int64_t width = packed->output.width, left = range->last - pixel;
  // Without padding and stride, one row's pixels are followed by the next one's.
  int64_t row_step = packed->window.stride_height * packed->row_bytes;
  int is_joined = row_step == width * pixel_step(packed);
  int64_t run = is_joined ? (packed->output.height - place.row) * width - place.column
                          : width - place.column;
  if (run > left) run = left;
  if (run < CUPEL_MOST_PIXELS) {
    int32_t count = left < CUPEL_MOST_PIXELS ? (int32_t)left : CUPEL_MOST_PIXELS;
    set_tile(packed, range, place, count, pixels);
    return count;
  }
  set_run(packed, range, place, run / CUPEL_MOST_PIXELS, CUPEL_MOST_PIXELS, pixels);
  if (is_joined || run < width || width % CUPEL_MOST_PIXELS != 0) {
    return run / CUPEL_MOST_PIXELS * CUPEL_MOST_PIXELS;
  }
  // Whole rows of whole tiles: as many as stay in the nearest cache while other blocks pass.
  int64_t rows = NEAR_BYTES / row_step;
  if (rows > packed->output.height - place.row) rows = packed->output.height - place.row;
  if (rows > left / width) rows = left / width;
  pixels->rows = rows < 1 ? 1 : rows;
  pixels->input_skip = row_step - pixels->tiles * pixels->input_advance;
  return pixels->rows * width;
}

/// Pixels from `pixel` on that end a row of which at least a tile has been done: a whole tile, or
/// half of one, that ends with them. Some are done twice, which takes less time than a tile of few.
/// Returns whether there are any; `count` is how many are new.
static int set_rest(
    const cupel_packed *packed, const pixel_range *range, int64_t pixel, int64_t done,
    cupel_pixels *pixels, int64_t *count) {
  if (done < CUPEL_MOST_PIXELS || pixel >= range->last) return 0;
  pixel_place place = place_of(packed, pixel);
  int64_t width = packed->output.width;
  if (place.column == 0) return 0;
  int64_t rest = width - place.column < range->last - pixel ? width - place.column
                                                            : range->last - pixel;
  if (rest >= CUPEL_MOST_PIXELS || place.column < CUPEL_MOST_PIXELS) return 0;
  int32_t size = rest > CUPEL_MOST_PIXELS / 2 ? CUPEL_MOST_PIXELS : CUPEL_MOST_PIXELS / 2;
  place.column += rest - size;
  set_run(packed, range, place, 1, size, pixels);
  *count = rest;
  return 1;
}

static void run_range(
    const cupel_packed *packed, const cupel_kernels *kernels, const pixel_range *range,
    int32_t first_block, int32_t last_block) {
  // Weights that no second tile will read need not stay in the cache.
  int32_t chunk =
      range->last - range->first > CUPEL_MOST_PIXELS ? packed->chunk_blocks : packed->blocks;
  for (int32_t group = 0; group < packed->groups; group++) {
    for (int32_t block = first_block; block < last_block; block += chunk) {
      int32_t end = block + chunk < last_block ? block + chunk : last_block;
      int64_t pixel = range->first, done = 0;
      while (pixel < range->last) {
        cupel_pixels pixels;
        int64_t count;
        if (!set_rest(packed, range, pixel, done, &pixels, &count)) {
          count = next_pixels(packed, range, pixel, &pixels);
        }
        if (pixels.count == 1) {
          run_single(
              packed, kernels, pixels.inputs[0], pixels.outputs[0], group, block, end);
        } else {
          run_blocks(packed, kernels, &pixels, group, block, end);
        }
        pixel += count;
        done = pixels.rows * pixels.tiles * pixels.count;
      }
    }
  }
}

/// Adds the shortcut to what has been written of pixels first ..< last: whole pixels, or the
/// channels of some blocks.
static void add_range(
    const cupel_packed *packed, const cupel_kernels *kernels, const cupel_job *job, int64_t first,
    int64_t last, int32_t first_block, int32_t last_block) {
  if (job->addition == 0) return;
  int64_t channels = packed->output.channels;
  int64_t area = (int64_t)packed->output.width * packed->output.height;
  int is_whole = first_block == 0 && last_block == packed->blocks;
  int64_t own = channels / packed->groups;
  int64_t begin = (int64_t)first_block * kernels->block;
  int64_t end = (int64_t)last_block * kernels->block;
  if (end > own) end = own;
  while (first < last) {
    int64_t image = first / area, within = first - image * area;
    int64_t count = area - within < last - first ? area - within : last - first;
    int64_t offset = image * job->image_stride + within * channels;
    if (is_whole) {
      cupel_job_add(job, offset, count * channels);
    } else {
      for (int64_t piece = 0; piece < count * packed->groups; piece++) {
        cupel_job_add(job, offset + piece * own + begin, end - begin);
      }
    }
    first += count;
  }
}

/// Pixels of one image in strips of rows, each staged anew.
static void run_strips(
    const cupel_packed *packed, const cupel_kernels *kernels, const cupel_job *job, int64_t image,
    int64_t first, int64_t last, int32_t first_block, int32_t last_block) {
  int64_t width = packed->output.width;
  const int8_t *input = job->input + image * job->image_stride;
  while (first < last) {
    int64_t row = first / width;
    int64_t end_row = row + packed->strip_rows;
    int64_t end = end_row * width < last ? end_row * width : last;
    end_row = (end + width - 1) / width;
    stage_rows(
        packed, input, row * packed->window.stride_height,
        cupel_reached_rows(packed, end_row - row), job->scratch);
    pixel_range range = {
        first, end, row, job->scratch, 0, job->output + image * job->image_stride, 0};
    run_range(packed, kernels, &range, first_block, last_block);
    int64_t area = width * packed->output.height;
    add_range(
        packed, kernels, job, image * area + first, image * area + end, first_block, last_block);
    first = end;
  }
}

void cupel_convolution_run(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = packed->kernels;
  int64_t area = (int64_t)packed->output.width * packed->output.height;
  int64_t pixels = area * job->images;
  int32_t first_block = 0, last_block = packed->blocks;
  int64_t first = 0, last = pixels;
  // Few pixels are split by output channels instead.
  if (job->parts > 1 && pixels >= 2 * CUPEL_MOST_PIXELS * job->parts) {
    int64_t tiles = (pixels + CUPEL_MOST_PIXELS - 1) / CUPEL_MOST_PIXELS;
    first = tiles * job->part / job->parts * CUPEL_MOST_PIXELS;
    last = tiles * (job->part + 1) / job->parts * CUPEL_MOST_PIXELS;
    if (last > pixels) last = pixels;
  } else if (job->parts > 1) {
    first_block = (int32_t)((int64_t)packed->blocks * job->part / job->parts);
    last_block = (int32_t)((int64_t)packed->blocks * (job->part + 1) / job->parts);
    if (first_block == last_block) return;
  }
  if (pixels == 1) {
    stage_rows(packed, job->input, 0, cupel_reached_rows(packed, 1), job->scratch);
    for (int32_t group = 0; group < packed->groups; group++) {
      run_single(
          packed, kernels, job->scratch, job->output, group, first_block, last_block);
    }
    add_range(packed, kernels, job, 0, 1, first_block, last_block);
    return;
  }
  if (packed->most_images == 1) {
    while (first < last) {
      int64_t image = first / area, start = first - image * area;
      int64_t end = start + (last - first) < area ? start + (last - first) : area;
      run_strips(packed, kernels, job, image, start, end, first_block, last_block);
      first += end - start;
    }
    return;
  }
  int64_t image_bytes = cupel_reached_rows(packed, packed->output.height) * packed->row_bytes;
  while (first < last) {
    int64_t image = first / area;
    int64_t end_image = (last + area - 1) / area;
    if (end_image > image + packed->most_images) end_image = image + packed->most_images;
    int64_t end = end_image * area < last ? end_image * area : last;
    for (int64_t each = image; each < end_image; each++) {
      stage_rows(
          packed, job->input + each * job->image_stride, 0,
          cupel_reached_rows(packed, packed->output.height),
          job->scratch + (each - image) * image_bytes);
    }
    pixel_range range = {
        first - image * area, end - image * area, 0, job->scratch, image_bytes,
        job->output + image * job->image_stride, job->image_stride};
    run_range(packed, kernels, &range, first_block, last_block);
    add_range(packed, kernels, job, first, end, first_block, last_block);
    first = end;
  }
}
