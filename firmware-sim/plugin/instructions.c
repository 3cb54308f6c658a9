// Counts the instructions that a board executes between marks: a plugin of QEMU's code generator.
//
// A mark is the execution of the instruction at one address, the entry of `firmware_mark`. At each
// mark the instructions since the mark before, its own function's included, go to a file as a
// little-endian 64-bit number. Arguments: mark=ADDRESS and out=FILE.
//
// Debian's QEMU comes without the header of its plugin interface, so what is used of version 1 of
// that interface is declared here.
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, ADD_U64 = 0 };

typedef void (*translation_callback)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*execution_callback)(unsigned int processor, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translation_callback callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(
    struct qemu_plugin_insn *instruction, execution_callback callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *instruction, int operation, void *number, uint64_t operand);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

static uint64_t mark_address;
static int output = -1;
/// Executed so far, and at the mark before.
static uint64_t executed, marked;

static void mark(unsigned int processor, void *data) {
  (void)processor;
  (void)data;
  uint64_t since = executed - marked;
  marked = executed;
  if (write(output, &since, sizeof since) != sizeof since) exit(EXIT_FAILURE);
}

static void translate(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  for (size_t index = 0; index < qemu_plugin_tb_n_insns(block); index++) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, index);
    if (qemu_plugin_insn_vaddr(instruction) == mark_address) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, mark, NO_REGISTERS, NULL);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &executed, 1);
  }
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *machine, int count, char **arguments) {
  (void)machine;
  for (int index = 0; index < count; index++) {
    const char *argument = arguments[index];
    if (strncmp(argument, "mark=", 5) == 0) {
      mark_address = strtoull(argument + 5, NULL, 0);
    } else if (strncmp(argument, "out=", 4) == 0) {
      output = open(argument + 4, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    } else {
      return 1;
    }
  }
  if (output < 0 || mark_address == 0) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  return 0;
}
