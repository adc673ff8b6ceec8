import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bernoulli, dataLoaderOrder, fusedMultiplyAdd, MersenneTwister, randperm, uniform } from './index'

describe('MersenneTwister', () => {
  test("draws the reference implementation's numbers for its default seed", () => {
    const generator = new MersenneTwister(5489)
    expect([generator.next(), generator.next(), generator.next()]).toEqual([3499211612, 581869302, 3890346734])
    for (let i = 3; i < 9999; i++) generator.next()
    // The C++ standard fixes the 10,000th output of a default-seeded mt19937 (ISO/IEC 14882, [rand.predef]).
    expect(generator.next()).toBe(4123659995)
  })

  test('takes the low 32 bits of any seed', () => {
    const first = (seed: number | bigint) => new MersenneTwister(seed).next()
    expect(first(2 ** 32 + 7)).toBe(first(7))
    expect(first(-1)).toBe(first(0xffffffff))
    expect(first(2n ** 63n + 7n)).toBe(first(7))
    expect(() => new MersenneTwister(0.5)).toThrow('a seed is an integer, not 0.5')
  })

  test('goes on from its state', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 1500 }), (seed, drawn) => {
        const generator = new MersenneTwister(seed)
        for (let i = 0; i < drawn; i++) generator.next()
        const copy = new MersenneTwister(JSON.parse(JSON.stringify(generator.state())) as never)
        for (let i = 0; i < 700; i++) expect(copy.next()).toBe(generator.next())
      }),
      { numRuns: 20 },
    )
  })
})

describe('fusedMultiplyAdd', () => {
  test('rounds the exact sum once', () => {
    // Integer arithmetic on scaled float32 values is the exact reference.
    const exact = (a: number, b: number, c: number) => {
      const scale = 2n ** 60n
      const scaled = (x: number) => BigInt(x * 2 ** 60)
      const sum = scaled(a) * scaled(b) + scaled(c) * scale // in units of 2^-120
      const magnitude = sum < 0n ? -sum : sum
      if (magnitude === 0n) return 0
      const excess = BigInt(Math.max(0, magnitude.toString(2).length - 24))
      let rounded = magnitude >> excess
      const rest = magnitude - (rounded << excess)
      const half = excess > 0n ? 1n << (excess - 1n) : 1n
      if (rest > half || (rest === half && excess > 0n && rounded % 2n === 1n)) rounded++
      return Number(sum < 0n ? -(rounded << excess) : rounded << excess) / 2 ** 120
    }
    const value = fc
      .float({ min: -1, max: 1, noNaN: true })
      .map((x) => Math.round(x * 2 ** 30) / 2 ** 30)
      .map(Math.fround)
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(fusedMultiplyAdd(a, b, c) + 0).toBe(exact(a, b, c) + 0)
      }),
      {
        numRuns: 5000,
      },
    )
  })

  test('is not fooled by a tie that is none', () => {
    // 1 + 2^-24 is a tie in float32; 2^-77 more makes it round up, which rounding through float64 loses.
    const up = fusedMultiplyAdd(Math.fround(2 ** -24 * (1 + 2 ** -23)), Math.fround(1 + 2 ** -23), 1)
    expect(up).toBe(1 + 2 ** -23)
    expect(fusedMultiplyAdd(2 ** -40, 2 ** -40, 1 + 2 ** -23)).toBe(1 + 2 ** -23)
  })
})

test('uniform stays in its range and draws one number an element', () => {
  const generator = new MersenneTwister(1)
  const values = uniform(generator, 1000, -0.25, 0.5)
  expect(values.every((x) => x >= -0.25 && x < 0.5)).toBe(true)
  const other = new MersenneTwister(1)
  for (let i = 0; i < 1000; i++) other.next()
  expect(generator.next()).toBe(other.next())
})

describe('bernoulli', () => {
  // torch.manual_seed(seed); torch.empty(count).bernoulli_(probability), PyTorch 2.13: the SHA-256 of the bytes.
  test.each([
    [0, 16, 0.5, '248e306c91d1fb3c661f01f2feb43a2a347088bf3787a8e0a724944812eb64c6'],
    [1, 1000, 0.75, 'cd8a928b6e0feda95c29e026cbb7be8c2ca875309c112b354f4b8f6e09ae3c73'],
    [42, 589_824, 0.75, '031282b93ec4a18d904e9542962d9bcb8238c56665f7e72d2f0b6d91ae755d4f'],
    [7, 100_000, 0.5, 'dddbb4a12efaccec0e44dba0b756c4291157ba5b50c8c5ce29c74b81324af996'],
  ])("draws PyTorch's for seed %i: %i values at %f", (seed, count, probability, hash) => {
    const drawn = bernoulli(new MersenneTwister(seed), count, probability)
    expect(createHash('sha256').update(drawn).digest('hex')).toBe(hash)
  })

  test('takes two draws an element, whatever the probability', () => {
    const [generator, other] = [new MersenneTwister(3), new MersenneTwister(3)]
    expect(bernoulli(generator, 10, 0)).toEqual(new Uint8Array(10))
    expect(bernoulli(generator, 10, 1, new Uint8Array(10))).toEqual(new Uint8Array(10).fill(1))
    for (let i = 0; i < 40; i++) other.next()
    expect(generator.next()).toBe(other.next())
  })

  test('refuses what is no probability', () => {
    for (const probability of [-0.1, 1.1, NaN])
      expect(() => bernoulli(new MersenneTwister(0), 1, probability)).toThrow(`from 0 to 1, not ${probability}`)
  })
})

describe('randperm', () => {
  test('is a permutation of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer(), (count, seed) => {
        const order = randperm(new MersenneTwister(seed), count)
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
      }),
    )
  })

  test('refuses what is no count', () => {
    expect(() => randperm(new MersenneTwister(0), -1)).toThrow(RangeError)
  })
})

test("the loader's first order for seed 0 is PyTorch's", () => {
  // After 7,850 uniform draws (the linear model's weights), as in the case study; PyTorch 2.13 printed these.
  const generator = new MersenneTwister(0)
  for (let i = 0; i < 7850; i++) generator.next()
  const order = dataLoaderOrder(generator, 60_000)
  expect([...order.subarray(0, 4)]).toEqual([45743, 51846, 38004, 34192])
  expect(createHash('sha256').update(new Uint8Array(order.buffer)).digest('hex')).toBe(
    '70bf525da7ae20bc8fa96b6bf7a165876ca5876edadaf98d35ae71e6508372ed',
  )
})

test('needs nothing else', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as object
  expect(manifest).not.toHaveProperty('dependencies')
  expect(manifest).not.toHaveProperty('peerDependencies')
})

describe('a generator that is lent', () => {
  /** Draws elsewhere: a generator of its own that goes on from the state. */
  const lend = (generator: MersenneTwister, draws: number) => {
    let asked = 0
    const there: MersenneTwister = new MersenneTwister(generator.lend(() => (asked++, there.state())))
    for (let n = 0; n < draws; n++) there.next()
    return () => asked
  }

  test('goes on after the last draw that was made elsewhere, whatever it is used for', () => {
    for (const use of ['next', 'state', 'advance', 'lend'] as const) {
      const [ours, theirs] = [new MersenneTwister(7), new MersenneTwister(7)]
      const asked = lend(ours, 1000)
      expect(asked(), 'before it is used').toBe(0)
      for (let n = 0; n < 1000; n++) theirs.next()
      if (use === 'next') expect(ours.next()).toBe(theirs.next())
      if (use === 'state') expect(ours.state()).toEqual(theirs.state())
      if (use === 'advance')
        ours.advance((words, position) => (expect([...words]).toEqual(theirs.state().words), position))
      if (use === 'lend') lend(ours, 0)
      expect(ours.next()).toBe(theirs.next())
      expect(asked(), 'taken back once').toBe(1)
    }
  })

  test('is asked again where it could not be taken back, and takes back no state that is none', () => {
    const generator = new MersenneTwister(7)
    const { words } = generator.lend(() => {
      throw new Error('the device is lost')
    })
    expect(() => generator.next()).toThrow('the device is lost')
    expect(() => generator.state()).toThrow('the device is lost')
    const other = new MersenneTwister(7)
    other.lend(() => ({ words, position: 625 }))
    expect(() => other.next()).toThrow("a generator's state holds 624 words and a position up to 624, not 624 and 625")
  })
})
