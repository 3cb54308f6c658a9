/// What CMSIS-NN needs of <string.h> where there is no C library; firmware-sim defines them.
#ifndef CUPEL_PEER_STRING_H
#define CUPEL_PEER_STRING_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int value, size_t count);

#endif
