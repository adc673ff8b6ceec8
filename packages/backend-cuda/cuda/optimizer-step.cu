// One step on all weights, in place, in one launch.
// SGD: g = gradient + weightDecay w; v = momentum v + rest g (at step 1: v = g); w = w - learningRate v, with rest = 1 - dampening;
// nesterov: w = w - learningRate (g + momentum v).
// Adam: w = (1 - learningRate shrink) w, with shrink the decoupled weight decay; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
// w = w - learningRate / (1 - beta1^step) x m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon).
// The other rules: see optimizerStep of @digitlab/ops.
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
  float* third[optimizerTensors];
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
sgdStep(Weights weights, float givenRate, float givenMomentum, float weightDecay, float rest, int hasVelocity,
        int nesterov, int step, const Variables* variables) {
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
      const float gradient = move;
      if (!first) move = mulAdd(momentum, velocity[i], rest * gradient);
      velocity[i] = move;
      if (nesterov) move = mulAdd(momentum, move, gradient);
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
adamStep(Weights weights, double givenRate, double givenBeta1, double beta2, float epsilon, float weightDecay,
         double decoupled, int step, const Variables* variables) {
  const Share share = shareOf(weights);
  const int number = variables ? variables->step : step;
  const double learningRate = optionOf(givenRate, variables, &Variables::learningRate);
  const double beta1 = optionOf(givenBeta1, variables, &Variables::momentum);
  const float stepSize = float(learningRate / (1.0 - power(beta1, number)));
  const float correction = float(__builtin_sqrt(1.0 - power(beta2, number)));
  const float shrink = float(1.0 - learningRate * decoupled);
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
    weight[i] = shrink * w - stepSize * (m / (__builtin_sqrtf(v) / correction + epsilon));
  }
}

enum Rule { adadelta, rmsprop, adagrad, nadam };

/**
 * a is rho, alpha, learningRateDecay or beta1; b momentum or beta2; c 0.96^momentumDecay. `first`, `second` and `third` are what the
 * rule keeps; the last two may be absent in rmsprop.
 */
KERNEL __launch_bounds__(optimizerThreads)
optimizerStep(Weights weights, int rule, double givenRate, double givenA, double givenB, double c, float epsilon,
              float weightDecay, double decoupled, int step, const Variables* variables) {
  const Share share = shareOf(weights);
  const int number = variables ? variables->step : step;
  const double learningRate = optionOf(givenRate, variables, &Variables::learningRate);
  const double a = rule == nadam ? optionOf(givenA, variables, &Variables::momentum) : givenA;
  const double b = rule == rmsprop ? optionOf(givenB, variables, &Variables::momentum) : givenB;
  const float rate = float(rule == adagrad ? learningRate / (1.0 + (number - 1) * a) : learningRate);
  const float keepA = float(a), takeA = float(1.0 - a);
  const float keepB = float(b), takeB = float(1.0 - b);
  const float shrink = float(1.0 - learningRate * decoupled);
  float* weight = weights.weight[share.tensor];
  const float* gradient = weights.gradient[share.tensor];
  float* first = weights.first[share.tensor];
  float* second = weights.second[share.tensor];
  float* third = weights.third[share.tensor];
  double mu = 0, muNext = 0;
  float correction = 1;
  if (rule == nadam) {
    const double power0 = power(c, number);
    mu = a * (1.0 - 0.5 * power0);
    muNext = a * (1.0 - 0.5 * (power0 * c));
    correction = float(1.0 - power(b, number));
  }
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const float w = weight[i];
    const float g = mulAdd(weightDecay, w, gradient[i]);
    if (rule == adadelta) {
      const float square = mulAdd(keepA, first[i], takeA * (g * g));
      const float past = second[i];
      const float delta = __builtin_sqrtf(past + epsilon) / __builtin_sqrtf(square + epsilon) * g;
      first[i] = square;
      second[i] = mulAdd(keepA, past, takeA * (delta * delta));
      weight[i] = mulAdd(-rate, delta, w);
    } else if (rule == rmsprop) {
      const float square = mulAdd(keepA, first[i], takeA * (g * g));
      first[i] = square;
      float spread = square;
      if (third) {
        const float mean = mulAdd(takeA, g - third[i], third[i]);
        third[i] = mean;
        spread = square - mean * mean;
      }
      float move = g / (__builtin_sqrtf(spread) + epsilon);
      if (second) {
        move = mulAdd(keepB, second[i], move);
        second[i] = move;
      }
      weight[i] = mulAdd(-rate, move, w);
    } else if (rule == adagrad) {
      const float square = mulAdd(g, g, first[i]);
      first[i] = square;
      weight[i] = mulAdd(-rate, g / (__builtin_sqrtf(square) + epsilon), w);
    } else {
      const float product = float(double(third[i]) * mu);
      const float ofGradient = float(-learningRate * (1.0 - mu) / (1.0 - double(product)));
      const float ofMean = float(-learningRate * muNext / (1.0 - double(product) * muNext));
      const float m = mulAdd(keepA, first[i], takeA * g);
      const float v = mulAdd(keepB, second[i], takeB * (g * g));
      const float below = __builtin_sqrtf(v / correction) + epsilon;
      first[i] = m;
      second[i] = v;
      third[i] = product;
      weight[i] = mulAdd(ofMean, m / below, mulAdd(ofGradient, g / below, shrink * w));
    }
  }
}

/** `weight` is the average, `gradient` the weight that it follows. */
KERNEL __launch_bounds__(optimizerThreads)
averageWeights(Weights weights, float rest, float decay, int step, const Variables* variables) {
  const Share share = shareOf(weights);
  const bool first = (variables ? variables->step : step) == 1;
  float* average = weights.weight[share.tensor];
  const float* weight = weights.gradient[share.tensor];
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const float w = weight[i];
    const float apart = w - average[i];
    const float next = rest < 0.5f ? mulAdd(rest, apart, average[i]) : mulAdd(-decay, apart, w);
    average[i] = first ? w : next;
  }
}

/** The sum over a block's threads, the same in each, always added in the same order. */
DEVICE double blockSum(double value, double* parts) {
  parts[threadIdx.x] = value;
  for (int half = optimizerThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (int(threadIdx.x) < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  __syncthreads();
  return parts[0];
}

/** partials[first + block] = the sum of the squares of a block's part of the gradients, which are in `weight`. */
KERNEL __launch_bounds__(optimizerThreads)
sumSquares(Weights gradients, float* partials, int first) {
  __shared__ double parts[optimizerThreads];
  const Share share = shareOf(gradients);
  const float* gradient = gradients.weight[share.tensor];
  double sum = 0.0;
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const double value = gradient[i];
    sum += value * value;
  }
  sum = blockSum(sum, parts);
  if (threadIdx.x == 0) partials[first + blockIdx.x] = float(sum);
}

/** gradient = gradient x min(1, norm / (sqrt(sum of partials) + 1e-6)), cut off at +-most. An infinite norm scales nothing. */
KERNEL __launch_bounds__(optimizerThreads)
clipGradients(Weights gradients, const float* partials, int count, float norm, float most) {
  __shared__ double parts[optimizerThreads];
  double sum = 0.0;
  for (int i = threadIdx.x; i < count; i += optimizerThreads) sum += partials[i];
  const double total = __builtin_sqrt(blockSum(sum, parts));
  const double wanted = double(norm) / (total + 1e-6);
  const float factor = wanted > 1.0 ? 1.0f : float(wanted);
  const Share share = shareOf(gradients);
  float* gradient = gradients.weight[share.tensor];
  for (int i = share.from + threadIdx.x; i < share.to; i += optimizerThreads) {
    const float value = factor * gradient[i];
    gradient[i] = value > most ? most : value < -most ? -most : value;
  }
}

#ifdef REFERENCE
KERNEL sgdStepReference(Weights weights, float learningRate, float momentum, float weightDecay, float rest,
                        int hasVelocity, int nesterov, int step, const Variables*) {
  for (int t = 0; t < optimizerTensors; t++)
    for (int i = 0; i < weights.size[t]; i++) {
      double move = weights.gradient[t][i] + double(weightDecay) * weights.weight[t][i];
      if (hasVelocity) {
        const double g = move;
        if (step > 1) move = double(rest) * g + double(momentum) * weights.first[t][i];
        weights.first[t][i] = float(move);
        if (nesterov) move = g + double(momentum) * move;
      }
      weights.weight[t][i] = float(weights.weight[t][i] - learningRate * move);
    }
}

KERNEL adamStepReference(Weights weights, double learningRate, double beta1, double beta2, float epsilon,
                         float weightDecay, double decoupled, int step, const Variables*) {
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
      weights.weight[t][i] = float((1 - learningRate * decoupled) * weights.weight[t][i] -
                                   learningRate / (1 - power1) * (m / corrected));
    }
}

KERNEL optimizerStepReference(Weights weights, int rule, double learningRate, double a, double b, double c,
                              float epsilon, float weightDecay, double decoupled, int step, const Variables*) {
  double power2 = 1, decay = 1;
  for (int n = 0; n < step; n++) power2 *= b, decay *= c;
  const double mu = a * (1 - decay / 2), muNext = a * (1 - decay * c / 2);
  for (int t = 0; t < optimizerTensors; t++)
    for (int i = 0; i < weights.size[t]; i++) {
      const double w = weights.weight[t][i];
      const double g = weights.gradient[t][i] + double(weightDecay) * w;
      float* first = weights.first[t] + i;
      float* second = weights.second[t] ? weights.second[t] + i : nullptr;
      float* third = weights.third[t] ? weights.third[t] + i : nullptr;
      double move = 0;
      if (rule == adadelta) {
        const double square = a * *first + (1 - a) * g * g;
        move = __builtin_sqrt(*second + double(epsilon)) / __builtin_sqrt(square + double(epsilon)) * g;
        *first = float(square);
        *second = float(a * *second + (1 - a) * move * move);
      } else if (rule == rmsprop) {
        double spread = a * *first + (1 - a) * g * g;
        *first = float(spread);
        if (third) {
          const double mean = a * *third + (1 - a) * g;
          *third = float(mean);
          spread -= mean * mean;
        }
        move = g / (__builtin_sqrt(spread) + epsilon);
        if (second) *second = float(move = b * *second + move);
      } else if (rule == adagrad) {
        const double square = *first + g * g;
        *first = float(square);
        move = g / (__builtin_sqrt(square) + epsilon) / (1 + (step - 1) * a);
      } else {
        const double product = *third * mu;
        const double m = a * *first + (1 - a) * g, v = b * *second + (1 - b) * g * g;
        move = ((1 - mu) / (1 - product) * g + muNext / (1 - product * muNext) * m) /
               (__builtin_sqrt(v / (1 - power2)) + epsilon);
        *first = float(m), *second = float(v), *third = float(product);
      }
      weights.weight[t][i] = float((1 - learningRate * decoupled) * w - learningRate * move);
    }
}
#endif
