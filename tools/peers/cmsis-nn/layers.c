// The convolutions of the ResNet-8 specimens by CMSIS-NN, each between two marks, on Cupel's
// simulated boards.
#include "FirmwareSupport.h"
#include "arm_nnfunctions.h"

/// Extents, channels, kernel, stride and padding; square.
typedef struct {
  int32_t input, in_channels, output, out_channels, kernel, stride, padding;
} layer;

static const layer layers[] = {
    {28, 1, 28, 16, 3, 1, 1},  {28, 16, 28, 16, 3, 1, 1}, {28, 16, 28, 16, 3, 1, 1},
    {28, 16, 14, 32, 3, 2, 1}, {14, 32, 14, 32, 3, 1, 1}, {28, 16, 14, 32, 1, 2, 0},
    {14, 32, 7, 64, 3, 2, 1},  {7, 64, 7, 64, 3, 1, 1},   {14, 32, 7, 64, 1, 2, 0},
};
enum { MOST_CHANNELS = 64, LAYERS = sizeof layers / sizeof layers[0] };

/// The arena in pieces.
static uint8_t *next;

static void *take(int32_t bytes) {
  void *piece = next;
  next += (bytes + 15) / 16 * 16;
  return piece;
}

/// Some bytes that are not all alike.
static void fill(int8_t *values, int32_t count) {
  static uint32_t state = 1;
  for (int32_t index = 0; index < count; index++) {
    state = state * 1664525 + 1013904223;
    values[index] = (int8_t)(state >> 24);
  }
}

/// Whether the layer could be run.
static int run(const layer *layer) {
  next = firmware_memory_map().arena;
  int32_t inputs = layer->input * layer->input * layer->in_channels;
  int32_t outputs = layer->output * layer->output * layer->out_channels;
  int32_t weights =
      layer->out_channels * layer->kernel * layer->kernel * layer->in_channels;
  int8_t *input = take(inputs), *output = take(outputs), *filter = take(weights);
  int32_t *bias = take(4 * MOST_CHANNELS), *multipliers = take(4 * MOST_CHANNELS);
  int32_t *shifts = take(4 * MOST_CHANNELS);
  fill(input, inputs);
  fill(filter, weights);
  for (int32_t channel = 0; channel < layer->out_channels; channel++) {
    bias[channel] = channel * 100 - 3000;
    multipliers[channel] = 0x5A827999 + channel;
    shifts[channel] = -9;
  }
  cmsis_nn_conv_params parameters = {
      .input_offset = 128,
      .output_offset = -128,
      .stride = {layer->stride, layer->stride},
      .padding = {layer->padding, layer->padding},
      .dilation = {1, 1},
      .activation = {-128, 127}};
  cmsis_nn_per_channel_quant_params scales = {multipliers, shifts};
  cmsis_nn_dims in = {1, layer->input, layer->input, layer->in_channels};
  cmsis_nn_dims out = {1, layer->output, layer->output, layer->out_channels};
  cmsis_nn_dims kernel = {layer->out_channels, layer->kernel, layer->kernel, layer->in_channels};
  cmsis_nn_dims biases = {1, 1, 1, layer->out_channels};
  cmsis_nn_context context = {0, 0};
  context.size = arm_convolve_wrapper_s8_get_buffer_size(&parameters, &in, &kernel, &out);
  context.buf = take(context.size);
  firmware_mark();
  arm_cmsis_nn_status status = arm_convolve_wrapper_s8(
      &context, &parameters, &scales, &in, input, &kernel, filter, &biases, bias, &out, output);
  firmware_mark();
  return status == ARM_CMSIS_NN_SUCCESS;
}

int32_t firmware_main(void) {
  for (int32_t index = 0; index < LAYERS; index++) {
    if (!run(&layers[index])) return 1;
  }
  return 0;
}
