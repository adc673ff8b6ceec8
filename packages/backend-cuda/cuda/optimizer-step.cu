// One step on all weights, in place, in one launch.
// SGD: g = gradient + weightDecay w; v = momentum v + g (at step 1: v = g); w = w - learningRate v.
// Adam: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
// w = w - learningRate / (1 - beta1^step) x m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon).
//
// A block takes 1024 neighbours of one tensor. The number of the step comes from device memory where the step is a recorded one.
// Check: npx vitest run packages/backend-cuda -t Step
#include "device.cuh"

static constexpr int optimizerThreads = 256;
static constexpr int optimizerShare = 4 * optimizerThreads;
static constexpr int optimizerTensors = 8;

/** Up to eight weights, each with its gradient and what is kept beside it. */
struct Weights {
  float* weight[optimizerTensors];
  const float* gradient[optimizerTensors];
  float* first[optimizerTensors];  // velocities, or first moments
  float* second[optimizerTensors]; // second moments
  int size[optimizerTensors];
};

struct Share {
  int tensor, from, to;
};

/** Which part of which tensor this block takes. */
DEVICE Share shareOf(const Weights& weights) {
  int block = blockIdx.x;
  int tensor = 0;
  for (; tensor < optimizerTensors - 1; tensor++) {
    const int blocks = ceilDiv(weights.size[tensor], optimizerShare);
    if (block < blocks) break;
    block -= blocks;
  }
  const int from = block * optimizerShare;
  return {tensor, from, minimum(weights.size[tensor], from + optimizerShare)};
}

KERNEL __launch_bounds__(optimizerThreads)
sgdStep(Weights weights, float givenRate, float givenMomentum, float weightDecay, int hasVelocity, int step,
        const Variables* variables) {
  const Share share = shareOf(weights);
  const bool first = (variables ? variables->step : step) == 1;
  const float learningRate = float(optionOf(givenRate, variables, &Variables::learningRate));
  const float momentum = float(optionOf(givenMomentum, variables, &Variables::momentum));
  float* weight = weights.weight[share.tensor];
  const float* gradient = weights.gradient[share.tensor];
  float* velocity = weights.first[share.tensor];
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const float w = weight[i];
    float move = mulAdd(weightDecay, w, gradient[i]);
    if (hasVelocity) {
      if (!first) move = mulAdd(momentum, velocity[i], move);
      velocity[i] = move;
    }
    weight[i] = mulAdd(-learningRate, move, w);
  }
}

DEVICE double power(double base, int exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

KERNEL __launch_bounds__(optimizerThreads)
adamStep(Weights weights, double givenRate, double givenBeta1, double beta2, float epsilon, float weightDecay, int step,
         const Variables* variables) {
  const Share share = shareOf(weights);
  const int number = variables ? variables->step : step;
  const double learningRate = optionOf(givenRate, variables, &Variables::learningRate);
  const double beta1 = optionOf(givenBeta1, variables, &Variables::momentum);
  const float stepSize = float(learningRate / (1.0 - power(beta1, number)));
  const float correction = float(__builtin_sqrt(1.0 - power(beta2, number)));
  const float keep1 = float(beta1), take1 = float(1.0 - beta1);
  const float keep2 = float(beta2), take2 = float(1.0 - beta2);
  float* weight = weights.weight[share.tensor];
  const float* gradient = weights.gradient[share.tensor];
  float* first = weights.first[share.tensor];
  float* second = weights.second[share.tensor];
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const float w = weight[i];
    const float g = mulAdd(weightDecay, w, gradient[i]);
    const float m = mulAdd(keep1, first[i], take1 * g);
    const float v = mulAdd(keep2, second[i], take2 * (g * g));
    first[i] = m;
    second[i] = v;
    weight[i] = w - stepSize * (m / (__builtin_sqrtf(v) / correction + epsilon));
  }
}

#ifdef REFERENCE
KERNEL sgdStepReference(Weights weights, float learningRate, float momentum, float weightDecay, int hasVelocity,
                        int step, const Variables*) {
  for (int t = 0; t < optimizerTensors; t++)
    for (int i = 0; i < weights.size[t]; i++) {
      double move = weights.gradient[t][i] + double(weightDecay) * weights.weight[t][i];
      if (hasVelocity) {
        if (step > 1) move += double(momentum) * weights.first[t][i];
        weights.first[t][i] = float(move);
      }
      weights.weight[t][i] = float(weights.weight[t][i] - learningRate * move);
    }
}

KERNEL adamStepReference(Weights weights, double learningRate, double beta1, double beta2, float epsilon,
                         float weightDecay, int step, const Variables*) {
  double power1 = 1, power2 = 1;
  for (int n = 0; n < step; n++) power1 *= beta1, power2 *= beta2;
  for (int t = 0; t < optimizerTensors; t++)
    for (int i = 0; i < weights.size[t]; i++) {
      const double g = weights.gradient[t][i] + double(weightDecay) * weights.weight[t][i];
      const double m = beta1 * weights.first[t][i] + (1 - beta1) * g;
      const double v = beta2 * weights.second[t][i] + (1 - beta2) * g * g;
      weights.first[t][i] = float(m);
      weights.second[t][i] = float(v);
      const double corrected = __builtin_sqrt(v) / __builtin_sqrt(1 - power2) + epsilon;
      weights.weight[t][i] = float(weights.weight[t][i] - learningRate / (1 - power1) * (m / corrected));
    }
}
#endif
