/** Rounds of the bijection: Philox4x32-10. */
const rounds = 10

/**
 * The counter-based generator Philox4x32-10: block `n` of a stream is a function of its key and counter alone, so that any part of it
 * can be drawn anywhere, in any order, with nothing to remember.
 *
 * ```js
 * const generator = new Philox()
 * generator.seek([seed, epoch], [image, purpose])
 * generator.next()
 * ```
 *
 * Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export class Philox {
  readonly #block = new Uint32Array(4)
  #key0 = 0
  #key1 = 0
  #counter1 = 0
  #counter2 = 0
  #counter3 = 0
  #blocks = 0
  #used = 4

  /** Begins a stream: key and counter are taken modulo 2^32. The first word of the counter counts the stream's blocks of four draws. */
  seek(
    [key0, key1]: readonly [number, number],
    [counter1 = 0, counter2 = 0, counter3 = 0]: readonly [number?, number?, number?] = [],
  ): this {
    this.#key0 = key0 >>> 0
    this.#key1 = key1 >>> 0
    this.#counter1 = counter1 >>> 0
    this.#counter2 = counter2 >>> 0
    this.#counter3 = counter3 >>> 0
    this.#blocks = 0
    this.#used = 4
    return this
  }

  /** The next 32 random bits, as an integer from 0 to 2^32 - 1. */
  next(): number {
    if (this.#used === 4) this.#draw()
    return this.#block[this.#used++] as number // from 0 to 3
  }

  /** A number at least `low` and below `high`, of 2^32 that lie equally far apart. */
  uniform(low: number, high: number): number {
    return low + ((high - low) * this.next()) / 0x1_0000_0000
  }

  #draw() {
    // Plain variables: this is what an elastic distortion spends its time on.
    let c0 = this.#blocks
    let c1 = this.#counter1
    let c2 = this.#counter2
    let c3 = this.#counter3
    let k0 = this.#key0
    let k1 = this.#key1
    for (let round = 0; round < rounds; round++) {
      const upper0 = high(c0, 0xd251, 0x1f53)
      const upper2 = high(c2, 0xcd9e, 0x8d57)
      const lower0 = Math.imul(c0, 0xd2511f53)
      const lower2 = Math.imul(c2, 0xcd9e8d57)
      c0 = upper2 ^ c1 ^ k0
      c1 = lower2
      c2 = upper0 ^ c3 ^ k1
      c3 = lower0
      k0 = (k0 + 0x9e3779b9) | 0
      k1 = (k1 + 0xbb67ae85) | 0
    }
    const block = this.#block
    block[0] = c0
    block[1] = c1
    block[2] = c2
    block[3] = c3
    this.#blocks++
    this.#used = 0
  }
}

/** The upper 32 bits of a * m, both of 32 bits, by halves. */
const high = (a: number, m1: number, m0: number): number => {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const u = (Math.imul(a1, m0) >>> 0) + (Math.imul(a0, m0) >>> 16)
  const v = (Math.imul(a0, m1) >>> 0) + (u & 0xffff)
  return (Math.imul(a1, m1) + (u >>> 16) + (v >>> 16)) | 0
}
