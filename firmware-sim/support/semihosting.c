// Files on the host and the end of the simulation, by semihosting.
#include "FirmwareSupport.h"

/// Operations that are used, and the arguments of two of them.
enum {
  SYS_OPEN = 0x01,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_EXIT_EXTENDED = 0x20,
  MODE_READ_BINARY = 1,
  MODE_WRITE_BINARY = 5,
  REASON_APPLICATION_EXIT = 0x20026,
};

static uint32_t call(uint32_t operation, const uint32_t *arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const uint32_t *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static int32_t open(const char *name, uint32_t mode) {
  uint32_t length = 0;
  while (name[length] != 0) length++;
  uint32_t arguments[] = {(uint32_t)name, mode, length};
  return (int32_t)call(SYS_OPEN, arguments);
}

int32_t firmware_open_to_read(const char *name) { return open(name, MODE_READ_BINARY); }

int32_t firmware_open_to_write(const char *name) { return open(name, MODE_WRITE_BINARY); }

/// Both operations return how many bytes they did not transfer.
static int transfer(uint32_t operation, int32_t file, uint32_t bytes, uint32_t count) {
  uint32_t arguments[] = {(uint32_t)file, bytes, count};
  return count == 0 || call(operation, arguments) == 0;
}

int firmware_read(int32_t file, void *bytes, uint32_t count) {
  return transfer(SYS_READ, file, (uint32_t)bytes, count);
}

int firmware_write(int32_t file, const void *bytes, uint32_t count) {
  return transfer(SYS_WRITE, file, (uint32_t)bytes, count);
}

void firmware_exit(int32_t status) {
  uint32_t arguments[] = {REASON_APPLICATION_EXIT, (uint32_t)status};
  for (;;) call(SYS_EXIT_EXTENDED, arguments);
}
