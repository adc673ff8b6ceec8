// Indices stay in 0..623 by construction: each `!` on the state array is in range.

const size = 624
const middle = 397

/** What {@link MersenneTwister.state} returns and its constructor takes back: the 624 words, and how many were drawn. */
export interface MersenneTwisterState {
  readonly words: readonly number[]
  readonly position: number
}

/**
 * The 32-bit Mersenne Twister MT19937, seeded as PyTorch's CPU generator: `new MersenneTwister(s)` draws what
 * `torch.Generator().manual_seed(s)` draws.
 *
 * Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998; PyTorch's `MT19937RNGEngine.h`.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(size)
  #position = size
  /** Set while the generator is lent. */
  #takeBack: (() => MersenneTwisterState) | undefined

  /** @param seed an integer; PyTorch uses its low 32 bits, so a negative or a 64-bit one is taken modulo 2^32. */
  constructor(seed: number | bigint | MersenneTwisterState) {
    if (typeof seed === 'object') {
      this.#set(seed)
      return
    }
    if (typeof seed === 'number' && !Number.isSafeInteger(seed))
      throw new RangeError(`a seed is an integer, not ${seed}: use a bigint beyond 2^53`)
    const state = this.#state
    state[0] = Number(BigInt.asUintN(32, BigInt(seed)))
    for (let i = 1; i < size; i++) {
      const previous = state[i - 1]!
      state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i
    }
  }

  /** The next 32 random bits, as an integer from 0 to 2^32 - 1. */
  next(): number {
    if (this.#takeBack) this.#return()
    if (this.#position === size) this.#refill()
    let y = this.#state[this.#position++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  /** A copy of everything that decides the draws to come: give it to the constructor to go on from here. */
  state(): MersenneTwisterState {
    this.#return()
    return { words: Array.from(this.#state), position: this.#position }
  }

  /**
   * Lets draws be made elsewhere: `draw` is handed the generator's own 624 words, to change in place, and how many of them were drawn,
   * and answers how many are drawn now.
   */
  advance(draw: (words: Uint32Array, position: number) => number): void {
    this.#return()
    const position = draw(this.#state, this.#position)
    if (!(Number.isInteger(position) && position >= 0 && position <= size))
      throw new RangeError(`a generator's position is a whole number from 0 to ${size}, not ${position}`)
    this.#position = position
  }

  /**
   * Lends the generator to a device that makes many draws by itself, and returns the state that it goes on from. `takeBack` is called
   * once, as soon as this generator is used again, and answers the state after the device's last draw.
   */
  lend(takeBack: () => MersenneTwisterState): MersenneTwisterState {
    const state = this.state()
    this.#takeBack = takeBack
    return state
  }

  #return() {
    const takeBack = this.#takeBack
    if (!takeBack) return
    this.#set(takeBack())
    this.#takeBack = undefined
  }

  #set({ words, position }: MersenneTwisterState) {
    if (words.length !== size || !(position >= 0 && position <= size))
      throw new RangeError(
        `a generator's state holds ${size} words and a position up to ${size}, not ${words.length} and ${position}`,
      )
    this.#state.set(words)
    this.#position = position
  }

  #refill() {
    const state = this.#state
    for (let i = 0; i < size; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff)
      state[i] = state[(i + middle) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    this.#position = 0
  }
}
