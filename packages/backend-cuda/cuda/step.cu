// The end of a recorded step: keeps what the step found and moves on what the next one reads.
//
// results[slot] = result; start += batch; step += 1; slot += 1, beginning again after the last. The host reads many steps' results
// with one copy, long after their steps, and a repetition is one call of the driver.
// Check: npx vitest run packages/backend-cuda -t recorded
#include "device.cuh"

KERNEL endOfStep(const float* result, int values, float* results, int slots, int batch, Variables* variables) {
  const int slot = variables->slot;
  __syncthreads();
  if (int(threadIdx.x) < values) results[slot * values + threadIdx.x] = result[threadIdx.x];
  if (threadIdx.x == 0) {
    variables->start += batch;
    variables->step += 1;
    variables->slot = slot + 1 == slots ? 0 : slot + 1;
  }
}
