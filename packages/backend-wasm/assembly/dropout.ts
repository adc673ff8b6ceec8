// mask = 1 / (1 - p) where a value stays, 0 where it is dropped, drawn by the Mersenne Twister as PyTorch's bernoulli draws: two outputs a
// value, of which 53 bits are compared; in PyTorch's order [batch, channels, positions], into memory's [batch, positions, channels].
// (y = x mask is elementwise.ts's.) One generator draws one after the other: there is no range to cut.
// Check: vitest run packages/backend-wasm -t dropout. Time: pnpm --filter @digitlab/backend-wasm time.
//
// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.

const WORDS: usize = 624
const MIDDLE: usize = 397

/** Bytes: the generator's words, those that are drawn of them, and what a vector reads past the end. */
export function dropoutScratch(): usize {
  return WORDS * 8 + 64
}

/** The word that follows from two neighbours and the one in the middle. */
@inline
function following(upper: u32, lower: u32, middle: u32): u32 {
  const y = (upper & 0x80000000) | (lower & 0x7fffffff)
  return middle ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0df : 0)
}

@inline
function following4(state: usize, middle: usize): v128 {
  const y = v128.or(
    v128.and(v128.load(state), i32x4.splat(0x80000000)),
    v128.and(v128.load(state, 4), i32x4.splat(0x7fffffff)),
  )
  const odd = i32x4.neg(v128.and(y, i32x4.splat(1)))
  return v128.xor(v128.xor(v128.load(middle), i32x4.shr_u(y, 1)), v128.and(odd, i32x4.splat(0x9908b0df)))
}

function refill(state: usize): void {
  const end = state + WORDS * 4
  const turn = state + (WORDS - MIDDLE) * 4 // from here on the middle is among the new words
  let at = state
  for (; at + 16 <= turn; at += 16) v128.store(at, following4(at, at + MIDDLE * 4))
  for (; at < turn; at += 4) store<u32>(at, following(load<u32>(at), load<u32>(at, 4), load<u32>(at, MIDDLE * 4)))
  for (; at + 20 <= end; at += 16) v128.store(at, following4(at, at - (WORDS - MIDDLE) * 4))
  for (; at + 4 < end; at += 4)
    store<u32>(at, following(load<u32>(at), load<u32>(at, 4), load<u32>(at - (WORDS - MIDDLE) * 4)))
  store<u32>(at, following(load<u32>(at), load<u32>(state), load<u32>(at - (WORDS - MIDDLE) * 4)))
}

/** What is drawn of each word. */
function temper(state: usize, to: usize): void {
  for (const end = state + WORDS * 4; state < end; state += 16, to += 16) {
    let y = v128.load(state)
    y = v128.xor(y, i32x4.shr_u(y, 11))
    y = v128.xor(y, v128.and(i32x4.shl(y, 7), i32x4.splat(0x9d2c5680)))
    y = v128.xor(y, v128.and(i32x4.shl(y, 15), i32x4.splat(0xefc60000)))
    v128.store(to, v128.xor(y, i32x4.shr_u(y, 18)))
  }
}

/**
 * @param threshold a value stays where its 53 bits are below this whole number
 * @param scratch begins with the generator's words, which are advanced
 * @param position of the generator
 * @returns its new position
 */
export function dropoutMask(
  mask: usize,
  batch: usize,
  positions: usize,
  channels: usize,
  threshold: f64,
  factor: f32,
  scratch: usize,
  position: usize,
): usize {
  const drawn = scratch + WORDS * 4
  const most = <u64>threshold
  const step = channels * 4
  temper(scratch, drawn)
  const over = drawn + WORDS * 4
  let next = drawn + position * 4
  for (let b: usize = 0; b < batch; b++, mask += positions * step)
    for (let c: usize = 0; c < channels; c++) {
      let to = mask + c * 4
      const end = to + positions * step
      while (to < end) {
        if (next + 8 > over) {
          // The two may lie in different fillings.
          let high: u32 = 0
          const apart = next < over
          if (apart) high = load<u32>(next)
          refill(scratch)
          temper(scratch, drawn)
          next = drawn
          if (apart) {
            const bits = (<u64>(high & 0x1fffff) << 32) | <u64>load<u32>(next)
            next += 4
            store<f32>(to, bits < most ? factor : 0)
            to += step
          }
          continue
        }
        const left = (end - to) / step
        const here = (over - next) >> 3
        const stop = to + (left < here ? left : here) * step
        for (; to < stop; to += step, next += 8) {
          const bits = (<u64>(load<u32>(next) & 0x1fffff) << 32) | <u64>load<u32>(next, 4)
          store<f32>(to, bits < most ? factor : 0)
        }
      }
    }
  return (next - drawn) >> 2
}
