/// What the firmware has beside the integer core: memory regions, and files on the host by
/// semihosting (Arm, "Semihosting for AArch32 and AArch64").
#ifndef FIRMWARE_SUPPORT_H
#define FIRMWARE_SUPPORT_H

#include <stdint.h>

/// The board's memory, from the linker script.
typedef struct {
  /// Where the model stands, an address divisible by 16, and bytes that there are for it.
  uint8_t *model;
  uint32_t model_bytes;
  /// Where the tensors go, likewise.
  uint8_t *arena;
  uint32_t arena_bytes;
  /// Bytes of the program in flash: code, constants and the image of its variables.
  uint32_t program_bytes;
  /// Bytes of variables.
  uint32_t variable_bytes;
  /// Bytes set aside for the stack.
  uint32_t stack_bytes;
} firmware_memory;

firmware_memory firmware_memory_map(void);

/// Most bytes of stack that were ever in use, from the paint that is left below them.
uint32_t firmware_stack_high_water(void);

/// Does nothing. Its executions are what the instruction counter looks for.
void firmware_mark(void);

/// Handle of a file in the folder in which the simulator runs; negative where there is none.
int32_t firmware_open_to_read(const char *name);
int32_t firmware_open_to_write(const char *name);
/// Whether all of `count` bytes were there and have been read.
int firmware_read(int32_t file, void *bytes, uint32_t count);
/// Whether all were written.
int firmware_write(int32_t file, const void *bytes, uint32_t count);
/// Ends the simulation with a status.
_Noreturn void firmware_exit(int32_t status);

/// The program, in Swift; returns the status.
int32_t firmware_main(void);

#endif
