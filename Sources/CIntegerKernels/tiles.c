// Convolutions on levels whose kernels sum up a tile first and scale and write it then.
#include "kernels.h"

void cupel_convolve_by_tiles(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks, int32_t most, cupel_tile tile, cupel_store store) {
  int32_t sums[CUPEL_MOST_PIXELS * CUPEL_MOST_BLOCK] __attribute__((aligned(64)));
  int32_t whole = packed->kernels->block;
  int32_t is_last = block == packed->blocks - 1;
  int32_t wide = blocks * (is_last ? packed->last_block : whole);
  int32_t place = block * whole;
  int32_t left = packed->output.channels / packed->groups - place;
  int64_t input = 0, output = 0;
  for (int64_t each = 0; each < pixels->rows * pixels->tiles; each++) {
    for (int32_t first = 0; first < pixels->count; first += most) {
      const uint8_t *inputs[CUPEL_MOST_PIXELS];
      int8_t *outputs[CUPEL_MOST_PIXELS];
      int32_t count = pixels->count - first < most ? pixels->count - first : most;
      for (int32_t pixel = 0; pixel < most; pixel++) {
        // What a tile has too few of repeats its first.
        int32_t own = first + (pixel < count ? pixel : 0);
        inputs[pixel] = pixels->inputs[own] + input;
        outputs[pixel] = pixels->outputs[own] + output;
      }
      tile(packed, inputs, count, group, block, blocks, sums);
      store(
          packed, group * packed->padded_channels + place, sums, wide, count,
          left < wide ? left : wide, outputs);
    }
    input += pixels->input_advance;
    output += pixels->output_advance;
    if ((each + 1) % pixels->tiles == 0) input += pixels->input_skip;
  }
}
