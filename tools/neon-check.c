// The NEON kernels against the plain C ones, on random operations: a program without a C library,
// so that nothing but a compiler (and qemu-user, where there is no Arm machine) is needed.
// The plain C kernels are themselves tested against the Swift reference on every machine.
#include "CIntegerKernels.h"

// MARK: - What a C library would supply

void *memset(void *target, int value, size_t count) {
  unsigned char *bytes = target;
  for (size_t index = 0; index < count; index++) bytes[index] = (unsigned char)value;
  return target;
}

void *memcpy(void *target, const void *source, size_t count) {
  unsigned char *to = target;
  const unsigned char *from = source;
  for (size_t index = 0; index < count; index++) to[index] = from[index];
  return target;
}

static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}

static void print(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  call(64, 1, (long)text, (long)length);
}

static void print_number(int64_t number) {
  char digits[24];
  int place = 23;
  digits[place] = 0;
  do {
    digits[--place] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  print(digits + place);
}

/// The dot-product extension is what is under test: qemu has it.
unsigned long getauxval(unsigned long type) { return type == 16 ? 1ul << 20 : 0; }

// MARK: - Random operations

static uint64_t state = 1;

static uint32_t random_bits(void) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)(mixed >> 32);
}

static int32_t within(int32_t low, int32_t high) {
  return low + (int32_t)(random_bits() % (uint32_t)(high - low + 1));
}

enum { MOST_CHANNELS = 200, MOST_WEIGHTS = 1 << 18, MOST_VALUES = 1 << 18, MOST_MEMORY = 1 << 23 };
static uint8_t weights[MOST_WEIGHTS];
static int32_t bias[MOST_CHANNELS], multipliers[MOST_CHANNELS];
static int8_t shifts[MOST_CHANNELS];
static uint32_t ratios[MOST_CHANNELS];
static int8_t inputs[2][MOST_VALUES], outputs[2][MOST_VALUES];
static uint8_t packed_memory[MOST_MEMORY] __attribute__((aligned(64)));
static uint8_t scratch[MOST_MEMORY] __attribute__((aligned(64)));

/// Bits of multiplier * 2^(shift - 31) as a float32: multiplier's upper 24 bits.
static uint32_t ratio_of(int32_t multiplier, int32_t shift) {
  uint32_t magnitude = (uint32_t)(multiplier < 0 ? -multiplier : multiplier);
  return (uint32_t)(multiplier < 0) << 31 | (uint32_t)(126 + shift) << 23 |
         (magnitude >> 7 & 0x7FFFFF);
}

static int32_t drawn_multiplier(void) {
  int32_t magnitude = within(1 << 30, INT32_MAX);
  return random_bits() % 4 == 0 ? -magnitude : magnitude;
}

static void draw_window(cupel_operation *operation, int32_t most, int dilates) {
  cupel_window *window = &operation->window;
  *window = (cupel_window){within(1, most), within(1, most), within(1, 2), within(1, 2),
                           dilates ? within(1, 2) : 1, dilates ? within(1, 2) : 1, 0, 0};
  int32_t reach_height = (window->kernel_height - 1) * window->dilation_height + 1;
  int32_t reach_width = (window->kernel_width - 1) * window->dilation_width + 1;
  window->pad_top = within(0, reach_height - 1);
  window->pad_left = within(0, reach_width - 1);
  operation->output.height = within(1, 6);
  operation->output.width = within(1, 20);
  // An input for which that is right, with nothing behind it.
  int32_t height =
      (operation->output.height - 1) * window->stride_height + reach_height - window->pad_top;
  int32_t width =
      (operation->output.width - 1) * window->stride_width + reach_width - window->pad_left;
  operation->input.height = height < 1 ? 1 : height;
  operation->input.width = width < 1 ? 1 : width;
}

static void draw_scales(cupel_operation *operation, int32_t channels) {
  for (int32_t channel = 0; channel < channels; channel++) {
    bias[channel] = within(-100000, 100000);
    multipliers[channel] = random_bits() % 16 == 0 ? 0 : drawn_multiplier();
    shifts[channel] = (int8_t)within(-16, random_bits() % 8 == 0 ? 3 : -4);
    ratios[channel] =
        multipliers[channel] == 0 ? 0 : ratio_of(multipliers[channel], shifts[channel]);
  }
  operation->bias = bias;
  operation->multipliers = multipliers;
  operation->shifts = shifts;
  operation->weight_scales = ratios;
  operation->input_scale = operation->output_scale = 0x3F800000;
  operation->weights = weights;
  operation->weight_bits = random_bits() % 2 == 0 ? 8 : 4;
  operation->rounding = within(0, 2);
}

static void draw(cupel_operation *operation) {
  memset(operation, 0, sizeof *operation);
  operation->kind = (cupel_kind)within(0, 6);
  operation->groups = 1;
  operation->input_zero_point = within(-128, 127);
  operation->output_zero_point = within(-128, 127);
  operation->low = within(-128, 0);
  operation->high = within(1, 127);
  int32_t channels = within(1, 70);
  operation->input = operation->output = (cupel_extent){within(1, 5), within(1, 9), channels};
  switch (operation->kind) {
    case CUPEL_CONVOLUTION:
      operation->groups = random_bits() % 4 == 0 ? 2 : 1;
      operation->input.channels = operation->groups * within(1, 30);
      operation->output.channels = operation->groups * within(1, 60);
      draw_window(operation, 3, 1);
      draw_scales(operation, operation->output.channels);
      break;
    case CUPEL_DEPTHWISE:
      draw_window(operation, 3, 1);
      draw_scales(operation, channels);
      break;
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MAX_POOL: draw_window(operation, 3, 0); break;
    case CUPEL_MEAN: operation->output.height = operation->output.width = 1;  // fall through
    case CUPEL_REQUANTIZE:
    case CUPEL_ADD:
      operation->rounding = operation->kind == CUPEL_ADD ? 0 : within(0, 2);
      operation->multiplier = within(1 << 30, INT32_MAX);
      operation->shift = operation->kind == CUPEL_ADD ? within(-20, -14) : within(-8, 1);
      operation->ratio = ratio_of(operation->multiplier, operation->shift);
      operation->first = (cupel_addend){within(-128, 127), 1 << 30, 0};
      operation->second =
          (cupel_addend){within(-128, 127), within(1 << 30, INT32_MAX), within(-5, 0)};
      break;
  }
}

static int64_t values_of(cupel_extent extent) {
  return (int64_t)extent.height * extent.width * extent.channels;
}

static int run(const cupel_operation *operation, cupel_level level, int8_t *output) {
  cupel_tuning tuning = {random_bits() % 2 == 0 ? 0 : 64 << 10};
  int64_t size = cupel_packed_size(operation, level, tuning);
  if (size <= 0 || size > MOST_MEMORY) return 0;
  const cupel_packed *packed = cupel_pack(operation, level, tuning, packed_memory);
  if (cupel_scratch_size(packed, 1) > MOST_MEMORY) return 0;
  int32_t parts = within(1, 3);
  for (int32_t part = 0; part < parts; part++) {
    cupel_run(packed, inputs[0], inputs[1], output, 0, 1, part, parts, scratch);
  }
  return 1;
}

static int check(int64_t rounds) {
  int64_t compared = 0;
  for (int64_t round = 0; round < rounds; round++) {
    cupel_operation operation;
    draw(&operation);
    for (int64_t index = 0; index < MOST_WEIGHTS; index += 4) {
      uint32_t bits = random_bits();
      memcpy(weights + index, &bits, 4);
      memcpy(inputs[0] + index, &bits, 4);
      memcpy(inputs[1] + index, weights + MOST_WEIGHTS - 4 - index, 4);
    }
    if (!run(&operation, CUPEL_SCALAR, outputs[0]) ||
        !run(&operation, CUPEL_NEON_DOT, outputs[1])) {
      print("an operation is not served\n");
      return 1;
    }
    for (int64_t index = 0; index < values_of(operation.output); index++, compared++) {
      if (outputs[0][index] == outputs[1][index]) continue;
      print("neon-check: round ");
      print_number(round);
      print(", kind ");
      print_number(operation.kind);
      print(", rounding ");
      print_number(operation.rounding);
      print(": values differ\n");
      return 1;
    }
  }
  print("neon-check: ");
  print_number(compared);
  print(" values of ");
  print_number(rounds);
  print(" operations equal\n");
  return 0;
}

void _start(void) { call(93, check(400), 0, 0); }
