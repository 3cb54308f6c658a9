/// A convolution's run, whose plan and packing are in a file of their own.
#ifndef CUPEL_CONVOLUTION_H
#define CUPEL_CONVOLUTION_H

#include "kinds.h"

void cupel_convolution_run(const cupel_packed *packed, const cupel_job *job);

#endif
