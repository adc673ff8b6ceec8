// The kernels of tensor-cores.cu for the stand-in: they share names with those of kernels.cu, so they are compiled apart.
#define STANDIN
#include "../cuda/tensor-cores.cu"
#include "registry.h"

static const Kernel kernels[] = {
#include "tensor-cores.inc"
    {nullptr, 0, nullptr}};

const Kernel* tensorCoreKernels() { return kernels; }
