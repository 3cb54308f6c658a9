/// Integer kernels per instruction set, equal to the reference kernels bit for bit.
///
/// Freestanding C: no heap, no library but the four memory functions, no floating point. An
/// operation is described (`cupel_operation`), its weights are packed once for an instruction set
/// into memory that the caller supplies (`cupel_pack`), and it is then run any number of times.
/// Everything that is described must have passed the format's validator (`docs/format.md`): the
/// kernels check nothing.
#ifndef CUPEL_INTEGER_KERNELS_H
#define CUPEL_INTEGER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Instruction sets, by rising speed on one machine.
typedef enum {
  /// Plain C.
  CUPEL_SCALAR = 0,
  /// x86-64 with AVX2.
  CUPEL_AVX2 = 1,
  /// x86-64 with AVX-512 F, BW, CD, DQ, VL and VNNI.
  CUPEL_AVX512_VNNI = 2,
  /// AArch64 with the dot-product extension.
  CUPEL_NEON_DOT = 3,
} cupel_level;

/// Whether this machine can run the kernels of a level.
int cupel_level_available(cupel_level level);

typedef enum {
  CUPEL_CONVOLUTION = 0,
  CUPEL_DEPTHWISE = 1,
  CUPEL_ADD = 2,
  CUPEL_AVERAGE_POOL = 3,
  CUPEL_MAX_POOL = 4,
  CUPEL_MEAN = 5,
  CUPEL_REQUANTIZE = 6,
} cupel_kind;

/// Rounding modes, with the codes of the file format.
enum {
  CUPEL_DOUBLE_ROUNDING = 0,
  CUPEL_SINGLE_ROUNDING = 1,
  CUPEL_FLOAT32_HALF_EVEN = 2,
  CUPEL_XNNPACK = 6,
};

typedef struct {
  int32_t height, width, channels;
} cupel_extent;

typedef struct {
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
} cupel_window;

/// One input's way to the common grid of an addition: Q31 multiplier, not negative; shift in
/// -31...0. In XNNPACK's form a multiplier below 2^21 of either sign and no shift of its own.
typedef struct {
  int32_t zero_point, multiplier, shift;
} cupel_addend;

/// An operation as a validated model describes it. A fully connected layer is a convolution of
/// kernel 1 over a 1 x 1 input whose channels are all its inputs.
typedef struct {
  cupel_kind kind;
  cupel_extent input, output;
  /// Convolution, depthwise, pools.
  cupel_window window;
  /// Convolution.
  int32_t groups;
  int32_t input_zero_point, output_zero_point;
  /// On the output's grid.
  int32_t low, high;
  int32_t rounding;
  /// Convolution: [O][KH][KW][I / groups]; depthwise: [KH][KW][C]; 8 or 4 bits each, rows of 4
  /// bits beginning on a byte.
  const uint8_t *weights;
  int32_t weight_bits;
  /// One an output channel.
  const int32_t *bias, *multipliers;
  const int8_t *shifts;
  /// Float32 bits, one an output channel, and of both tensors: an accumulator's ratio is
  /// s_in * s_w / s_out in float32 arithmetic.
  const uint32_t *weight_scales;
  uint32_t input_scale, output_scale;
  /// Mean, requantization and addition: one for all, in both forms. An addition rounds twice; in
  /// XNNPACK's form once, after a sum of products that the shift, 13...30 to the right, divides.
  int32_t multiplier;
  int8_t shift;
  uint32_t ratio;
  /// Addition.
  cupel_addend first, second;
} cupel_operation;

/// An operation made ready for one level: this head, then what it points to.
typedef struct cupel_packed cupel_packed;

/// How much faster the kernels may be for the memory that they take.
typedef struct {
  /// Bytes of input that a convolution stages at a time, where more than one row of output fits.
  int64_t staging_bytes;
} cupel_tuning;

/// Bytes that packing takes, a multiple of 64; 0 where the kernels of the level do not serve the
/// operation and the reference kernel has to.
int64_t cupel_packed_size(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning);

/// Packs an operation for which `cupel_packed_size` is not 0. `memory` has that size and an
/// address divisible by 64. The packed operation does not refer to what `operation` points to.
const cupel_packed *cupel_pack(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning, void *memory);

/// Bytes of scratch that one part of a run over `images` images takes, a multiple of 64.
int64_t cupel_scratch_size(const cupel_packed *packed, int32_t images);

/// Whether a run on one part reads all of an image's input before it writes any output.
int cupel_reads_first(const cupel_packed *packed);

/// Pieces that a run over `images` images can usefully be split in: 1 where splitting costs more
/// than it saves.
int32_t cupel_useful_parts(const cupel_packed *packed, int32_t images);

/// Runs one part of an operation over a batch; all parts together, in any order or at one time,
/// do the whole of it.
///
/// - inputs: first image's operands (the second one for additions only); output does not overlap
///   them, except that an addition's or a requantization's may be an input.
/// - image_stride: bytes from one image's tensors to the next image's.
/// - scratch: `cupel_scratch_size`, at an address divisible by 64, of this part alone.
void cupel_run(
    const cupel_packed *packed, const int8_t *input, const int8_t *second, int8_t *output,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch);

/// A convolution or depthwise convolution and the addition that reads its output, in one pass:
/// writes what `cupel_run` of `packed` and then of `addition` would write, both outputs, while the
/// first is still in the nearest cache.
///
/// - shortcut: the other operand of the addition. Neither output may overlap any input; but where
///   `cupel_reads_first` and there is one part, the sum may overlap `input`.
/// - shortcut_first: whether the shortcut is the addition's first operand.
void cupel_run_with_addition(
    const cupel_packed *packed, const cupel_packed *addition, const int8_t *input,
    const int8_t *shortcut, int shortcut_first, int8_t *output, int8_t *sum,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch);

/// Tells the core that this thread only waits.
static inline void cupel_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Multiply-accumulates of the best instruction of `level` on registers alone, to measure what
/// the machine could do: runs `rounds` rounds and returns how many multiply-accumulates they were,
/// 0 where the level has no such instruction here.
int64_t cupel_peak_rounds(cupel_level level, int64_t rounds);

// Kernels that run a model from its own bytes, for processors with no memory for packed weights:
// Cortex-M with the DSP extension (M4, M7) or Helium (M55). Elsewhere there are none, which is
// known when what asks is compiled.

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define CUPEL_DIRECT 1
#else
#define CUPEL_DIRECT 0
#endif

/// Whether convolutions, fully connected layers among them, depthwise convolutions and additions
/// have such kernels here.
static inline int cupel_runs_directly(void) { return CUPEL_DIRECT; }

/// Scales sums as the model says, in every rounding mode, for the kernels that do so themselves in
/// the usual case alone.
typedef struct {
  /// Writes `count` outputs of a channel from its sums, `stride` bytes apart.
  void (*store)(
      const void *context, int32_t channel, const int32_t *sums, int32_t count, int8_t *output,
      int32_t stride);
  const void *context;
} cupel_rescaler;

#if CUPEL_DIRECT
/// Bytes of scratch that an operation of these kinds takes, a multiple of 16.
int64_t cupel_direct_scratch(const cupel_operation *operation);

/// Runs such an operation on one image; weights and what scales them are read where they stand.
///
/// - second: an addition's second operand.
/// - output: does not overlap the operands, but for an addition, where it may be one of them.
/// - scratch: `cupel_direct_scratch`, at an address divisible by 16.
/// - rescaler: of operations with weights.
void cupel_direct_run(
    const cupel_operation *operation, const int8_t *input, const int8_t *second, int8_t *output,
    void *scratch, cupel_rescaler rescaler);
#else
static inline int64_t cupel_direct_scratch(const cupel_operation *operation) {
  (void)operation;
  return 0;
}
static inline void cupel_direct_run(
    const cupel_operation *operation, const int8_t *input, const int8_t *second, int8_t *output,
    void *scratch, cupel_rescaler rescaler) {
  (void)operation, (void)input, (void)second, (void)output, (void)scratch, (void)rescaler;
}
#endif

#endif
