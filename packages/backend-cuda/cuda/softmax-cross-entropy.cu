// summary = [scale x sum over the batch of (log sum exp(logits) - logits[label]), how many largest logits are the label's],
// dLogits = scale x (softmax(logits) - oneHot(label)); with smoothing s, oneHot is (1 - s) oneHot + s / classes. A label out of range makes NaN of the loss and of its row.
//
// One block, as the losses of all rows end in one sum: a warp for each row, 32 rows at a time. Each warp adds up its rows in their
// order, then the warps' sums are added in theirs.
// Check: npx vitest run packages/backend-cuda -t softmaxCrossEntropy
#include "math.cuh"

static constexpr int softmaxThreads = 1024;

KERNEL __launch_bounds__(softmaxThreads)
softmaxCrossEntropy(const float* __restrict__ logits, const int* __restrict__ labels, float* __restrict__ summary,
                    float* __restrict__ dLogits, int batch, int classes, float scale, float smoothing) {
  __shared__ float losses[softmaxThreads / 32];
  __shared__ float rights[softmaxThreads / 32];
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  float loss = 0.0f;
  float right = 0.0f;
  const float others = smoothing / float(classes);
  const float own = 1.0f - smoothing + others;
  for (int row = warp; row < batch; row += softmaxThreads / 32) {
    const float* values = logits + row * classes;
    const int label = labels[row];
    float largest = -float(INFINITE);
    for (int c = lane; c < classes; c += 32) {
      const float value = values[c];
      largest = value > largest || value != value ? value : largest;
    }
    largest = warpMaximum(largest);
    float total = 0.0f;
    float first = float(classes); // the first class with the largest logit
    for (int c = lane; c < classes; c += 32) {
      total += exp32(values[c] - largest);
      if (values[c] == largest && float(c) < first) first = float(c);
    }
    const bool inRange = label >= 0 && label < classes;
    total = warpSum(total);
    if (!inRange) total = float(NOT_A_NUMBER);
    first = -warpMaximum(-first);
    for (int c = lane; c < classes; c += 32)
      dLogits[row * classes + c] = scale * (exp32(values[c] - largest) / total - (c == label ? own : others));
    float wanted = inRange ? largest - values[label] : 0.0f;
    if (smoothing != 0.0f) {
      float rest = 0.0f;
      for (int c = lane; c < classes; c += 32) rest += largest - values[c];
      wanted = (1.0f - smoothing) * wanted + others * warpSum(rest);
    }
    loss += inRange ? wanted + log32(total) : total;
    right += first == float(label) ? 1.0f : 0.0f;
  }
  if (lane == 0) {
    losses[warp] = loss;
    rights[warp] = right;
  }
  __syncthreads();
  if (warp == 0) {
    const float sum = warpSum(losses[lane]);
    const float count = warpSum(rights[lane]);
    if (lane == 0) {
      summary[0] = scale * sum;
      summary[1] = count;
    }
  }
}

#ifdef REFERENCE
KERNEL softmaxCrossEntropyReference(const float* logits, const int* labels, float* summary, float* dLogits, int batch,
                                    int classes, float scale, float smoothing) {
  double loss = 0;
  int right = 0;
  for (int b = 0; b < batch; b++) {
    const float* row = logits + b * classes;
    int best = 0;
    for (int c = 1; c < classes; c++)
      if (row[c] > row[best]) best = c;
    double total = 0;
    for (int c = 0; c < classes; c++) total += exp64(double(row[c]) - row[best]);
    for (int c = 0; c < classes; c++)
      dLogits[b * classes + c] = float(scale * (exp64(double(row[c]) - row[best]) / total -
                                               (1 - double(smoothing)) * (c == labels[b]) - double(smoothing) / classes));
    double wanted = (1 - double(smoothing)) * row[labels[b]];
    for (int c = 0; c < classes; c++) wanted += double(smoothing) / classes * row[c];
    loss += scale * (log64(total) + row[best] - wanted);
    right += best == labels[b];
  }
  summary[0] = float(loss);
  summary[1] = float(right);
}
#endif
