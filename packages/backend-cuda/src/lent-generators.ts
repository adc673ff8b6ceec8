// Generators whose words are in the GPU's memory for as long as only the GPU draws from them.
import type { KernelAttributes } from '@digitlab/ops/backend'
import type { Device } from './device'

type MersenneTwister = KernelAttributes<'DigitlabDropout'>['generator']

/** The 624 words and the position: `cuda/dropout.cu`. */
const words = 624
const bytes = 4 * (words + 1)

/** A generator's place in the GPU's memory, which stays while a recording draws from it. */
export interface LentGenerator {
  readonly address: number
  /** Has the GPU go on from where the generator is now, if others have drawn from it. */
  lend(): void
  /** Keeps the place until {@link release} was called as often. */
  retain(): void
  release(): void
}

export interface LentGenerators {
  /** Lends a generator to the GPU, and answers the address of its words. */
  take(generator: MersenneTwister): number
  /** Gets every generator that is taken while it is set. */
  taken: Set<LentGenerator> | undefined
  /** Gives every generator back what it is now. */
  dispose(): void
}

/** Of a device; made by the backend. */
export const createLentGenerators = (device: Device): LentGenerators => {
  const known = new WeakMap<MersenneTwister, LentGenerator>()
  const away = new Set<MersenneTwister>()

  const placeOf = (generator: MersenneTwister): LentGenerator => {
    let [address, retained] = [0, 0]
    const freed = () => {
      if (retained > 0 || away.has(generator) || address === 0) return
      device.memory.give(address)
      address = 0
    }
    return {
      get address() {
        return address
      },
      lend() {
        if (away.has(generator)) return
        if (address === 0) address = device.memory.take(bytes)
        const state = generator.lend(() => {
          const now = new Uint32Array(device.readNow(address, bytes))
          away.delete(generator)
          freed()
          return { words: Array.from(now.subarray(0, words)), position: now[words] ?? NaN }
        })
        away.add(generator)
        device.upload(address, Uint32Array.of(...state.words, state.position))
      },
      retain: () => void retained++,
      release() {
        retained--
        freed()
      },
    }
  }

  const generators: LentGenerators = {
    taken: undefined,
    take(generator) {
      const place = known.get(generator) ?? placeOf(generator)
      known.set(generator, place)
      place.lend()
      generators.taken?.add(place)
      return place.address
    },
    dispose() {
      for (const generator of away) generator.state()
    },
  }
  return generators
}
