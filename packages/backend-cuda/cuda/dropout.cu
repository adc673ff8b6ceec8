// Dropout with the draws of PyTorch's CPU generator: mask = 1 / (1 - p) where a value stays, 0 where it is dropped, y = x mask. Two words
// of a Mersenne Twister a value, of which 53 bits are compared, in PyTorch's order [batch, channels, positions]; memory has
// [batch, positions, channels].
//
// Each word follows from words 227 and more before it, so that a third of a filling can be made at once: one block makes the words of
// a launch, and the values follow in a launch of their own.
// Check: npx vitest run packages/backend-cuda -t dropout
//
// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
#include "device.cuh"

static constexpr int twisterWords = 624;
static constexpr int twisterMiddle = 397;
static constexpr int twisterThird = twisterWords / 3;
static constexpr int twisterHalf = 224; // whole warps

/** The word that follows from two neighbours and the one in the middle. */
DEVICE unsigned followingWord(unsigned upper, unsigned lower, unsigned middle) {
  const unsigned y = (upper & 0x80000000u) | (lower & 0x7fffffffu);
  return middle ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
}

DEVICE unsigned temperedWord(unsigned y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

/**
 * drawn = the next 2 x values words of the generator, whose 624 words and position are in state and are advanced.
 *
 * The first half of the block makes words; the other, a third behind, tempers them and writes them out, which is no part of the chain.
 */
KERNEL __launch_bounds__(2 * twisterHalf) drawWords(unsigned* __restrict__ state, unsigned* __restrict__ drawn, int values) {
  __shared__ unsigned words[2][twisterWords];
  const bool makes = int(threadIdx.x) < twisterHalf;
  const int thread = int(threadIdx.x) - (makes ? 0 : twisterHalf);
  const bool works = thread < twisterThird;
  const long long count = 2LL * values;
  long long first = -(long long)state[twisterWords]; // where the first word of this filling would be in drawn
  const auto write = [=](long long at, unsigned word) {
    if (at >= 0 && at < count) drawn[at] = temperedWord(word);
  };
#pragma unroll
  for (int third = 0; third < 3; third++) {
    const int i = third * twisterThird + thread;
    if (!works) continue;
    const unsigned word = state[i];
    if (makes) words[0][i] = word;
    else write(first + i, word);
  }
  __syncthreads();
  int old = 0;
  bool made = false;
  while (first + twisterWords < count) {
    first += twisterWords;
    const unsigned* from = words[old];
    unsigned* to = words[1 - old];
#pragma unroll
    for (int third = 0; third < 3; third++) {
      const int i = third * twisterThird + thread;
      if (works && makes) {
        const unsigned lower = i + 1 < twisterWords ? from[i + 1] : to[0];
        const unsigned middle =
            i < twisterWords - twisterMiddle ? from[i + twisterMiddle] : to[i - (twisterWords - twisterMiddle)];
        to[i] = followingWord(from[i], lower, middle);
      } else if (works && third > 0) write(first + i - twisterThird, to[i - twisterThird]);
      else if (works && made) write(first + i - twisterThird, from[i + 2 * twisterThird]);
      __syncthreads();
    }
    made = true;
    old = 1 - old;
  }
  if (!works) return;
  const int last = 2 * twisterThird + thread;
  if (!makes && made) write(first + last, words[old][last]);
  if (!makes) return;
#pragma unroll
  for (int third = 0; third < 3; third++) state[third * twisterThird + thread] = words[old][third * twisterThird + thread];
  if (thread == 0) state[twisterWords] = unsigned(count - first);
}

struct alignas(8) Words2 {
  unsigned high, low;
};

/** A thread for each value; it stays where its 53 bits are below the threshold, a whole number. */
KERNEL dropout(const float* __restrict__ x, const unsigned* __restrict__ drawn, float* __restrict__ y,
               float* __restrict__ mask, int size, int positions, int channels, double threshold, float factor) {
  const int at = globalThread();
  if (at >= size) return;
  const int channel = at % channels;
  const int position = at / channels % positions;
  const int image = at / channels / positions;
  const Words2 two = *(const Words2*)(drawn + 2 * (((long long)image * channels + channel) * positions + position));
  const unsigned long long bits = ((unsigned long long)(two.high & 0x1fffffu) << 32) | two.low;
  const float held = bits < (unsigned long long)threshold ? factor : 0.0f;
  mask[at] = held;
  y[at] = x[at] * held;
}

#ifdef REFERENCE
KERNEL drawWordsReference(unsigned* state, unsigned* drawn, int values) {
  unsigned position = state[twisterWords];
  for (long long n = 0; n < 2LL * values; n++) {
    if (position == twisterWords) {
      for (int i = 0; i < twisterWords; i++)
        state[i] = followingWord(state[i], state[(i + 1) % twisterWords], state[(i + twisterMiddle) % twisterWords]);
      position = 0;
    }
    drawn[n] = temperedWord(state[position++]);
  }
  state[twisterWords] = position;
}
#endif
