// The matrix products of convolution.cu, dense.cu and mat-mul.cu once more, on the tensor cores of compute capability 8.0 and later.
#define TENSOR_CORES
#include "convolution.cu"
#include "dense.cu"
#include "mat-mul.cu"
