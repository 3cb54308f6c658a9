/// Tiles of levels that take 4 pixels or 1 against blocks of 16 channels, with weights of 8 or 4 bits:
/// included behind such a level's `tile`, to have it compiled for each shape.

CUPEL_TARGET static void tile_of_pixels(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count, int32_t group,
    int32_t block, int32_t blocks, int32_t *sums) {
  const uint8_t *weights =
      packed->weights + group * packed->weight_group_bytes + block * packed->block_bytes;
  const int32_t *start = packed->start + group * packed->padded_channels + block * 16;
  int is_four_bit = packed->weight_bits == 4;
  if (count > 1) {
    const uint8_t *own[4] = {pixels[0], pixels[1], pixels[2], pixels[3]};
    if (is_four_bit) {
      tile(4, 4, packed, own, weights, start, sums);
    } else {
      tile(4, 8, packed, own, weights, start, sums);
    }
    return;
  }
  for (int32_t each = 0; each < blocks; each++) {
    if (is_four_bit) {
      tile(1, 4, packed, pixels, weights, start, sums);
    } else {
      tile(1, 8, packed, pixels, weights, start, sums);
    }
    weights += packed->block_bytes;
    start += 16;
    sums += 16;
  }
}
