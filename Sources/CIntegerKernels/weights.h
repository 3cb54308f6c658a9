/// Weights where they lie in the file.
#ifndef CUPEL_WEIGHTS_H
#define CUPEL_WEIGHTS_H

#include "CIntegerKernels.h"

/// Rows of weights of 8 or 4 bits, each beginning on a byte.
typedef struct {
  const uint8_t *bytes;
  int32_t bits;
  /// Weights in a row, and bytes that it takes.
  int64_t length, row_bytes;
} cupel_weight_rows;

static inline cupel_weight_rows cupel_weight_rows_of(
    const cupel_operation *operation, int64_t length) {
  int32_t bits = operation->weight_bits;
  return (cupel_weight_rows){
      operation->weights, bits, length, bits == 8 ? length : (length + 1) / 2};
}

static inline int8_t cupel_weight_at(const cupel_weight_rows *rows, int64_t row, int64_t index) {
  const uint8_t *bytes = rows->bytes + row * rows->row_bytes;
  if (rows->bits == 8) return (int8_t)bytes[index];
  uint8_t pair = bytes[index / 2];
  return (int8_t)(index % 2 ? pair : (uint8_t)(pair << 4)) >> 4;
}

#endif
