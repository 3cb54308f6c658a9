/// libFuzzer's entry, which `-sanitize=fuzzer` links in.
#ifndef CUPEL_CFUZZER_H
#define CUPEL_CFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *count, char ***arguments, int (*body)(const uint8_t *bytes, size_t size));

#endif
