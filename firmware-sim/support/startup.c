// From reset to `firmware_main`: vectors, variables, the stack's paint.
#include "FirmwareSupport.h"

// The linker script's symbols. Only their addresses mean something.
extern uint32_t firmware_stack[], firmware_stack_top[];
extern uint32_t firmware_data[], firmware_data_end[], firmware_data_image[];
extern uint32_t firmware_bss[], firmware_bss_end[];
extern uint8_t firmware_program[], firmware_program_end[];
extern uint8_t firmware_model[], firmware_model_end[], firmware_arena[], firmware_arena_end[];

enum {
  PAINT = 0xC5C5C5C5,
  /// Bytes below the stack pointer that painting leaves alone.
  PAINT_MARGIN = 64,
  /// Exit status after a fault, which no program of this firmware returns.
  FAULT_STATUS = 99,
};

/// Paints the stack below the caller's frame and sets up variables.
static void __attribute__((noinline)) prepare(void) {
  uint32_t *top = (uint32_t *)__builtin_frame_address(0) - PAINT_MARGIN / 4;
  for (volatile uint32_t *word = firmware_stack; word < top; word++) *word = PAINT;
  uint32_t *source = firmware_data_image;
  for (volatile uint32_t *word = firmware_data; word < firmware_data_end;) *word++ = *source++;
  for (volatile uint32_t *word = firmware_bss; word < firmware_bss_end; word++) *word = 0;
}

static void __attribute__((used)) start(void) {
  prepare();
  firmware_exit(firmware_main());
}

/// The processor comes here with the stack pointer set. Floating-point and vector instructions
/// are switched on first, where there are any: a compiler may use them anywhere.
void __attribute__((naked, used)) firmware_reset(void) {
#if defined(__ARM_FEATURE_MVE)
  __asm__ volatile(
      "ldr r0, =0xE000ED88\n"  // CPACR: full access to CP10 and CP11
      "ldr r1, [r0]\n"
      "orr r1, r1, #0xF00000\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n");
#endif
  __asm__ volatile("bl start\n");
}

static void fault(void) { firmware_exit(FAULT_STATUS); }

typedef void (*vector)(void);
/// The initial stack pointer, reset, and the sixteen exceptions that the architecture numbers.
static const vector __attribute__((section(".vectors"), used)) vectors[16] = {
    (vector)firmware_stack_top, firmware_reset, fault, fault, fault, fault, fault, fault, fault,
    fault, fault, fault, fault, fault, fault, fault,
};

void __attribute__((noinline, section(".mark"))) firmware_mark(void) { __asm__ volatile(""); }

firmware_memory firmware_memory_map(void) {
  return (firmware_memory){
      .model = firmware_model,
      .model_bytes = (uint32_t)(firmware_model_end - firmware_model),
      .arena = firmware_arena,
      .arena_bytes = (uint32_t)(firmware_arena_end - firmware_arena),
      .program_bytes = (uint32_t)(firmware_program_end - firmware_program),
      .variable_bytes = 4 * (uint32_t)((firmware_data_end - firmware_data) +
                                       (firmware_bss_end - firmware_bss)),
      .stack_bytes = 4 * (uint32_t)(firmware_stack_top - firmware_stack),
  };
}

uint32_t firmware_stack_high_water(void) {
  const uint32_t *word = firmware_stack;
  while (word < firmware_stack_top && *word == PAINT) word++;
  return 4 * (uint32_t)(firmware_stack_top - word);
}
