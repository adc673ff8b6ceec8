// A cnn that the command trained on MNIST: it reads drawings before anything is trained here. The README says how it is made.
import { resolveModel } from '@digitlab/models'
import { readSafetensors } from '@digitlab/weights'
import address from './example/weights.safetensors?url'
import { PageError } from './failure'
import type { Resting } from './reader'

let loaded: Promise<Resting> | undefined

/** Fetched when the first drawing is read. @throws PageError where it can't be had */
export const example = (): Promise<Resting> => {
  loaded ??= load()
  loaded.catch(() => (loaded = undefined)) // offline, say: it may come another time
  return loaded
}

const load = async (): Promise<Resting> => {
  try {
    const response = await fetch(new URL(address, import.meta.url))
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const { weights } = readSafetensors(bytes, 'the example')
    return { model: resolveModel('cnn'), weights, steps: exampleSteps }
  } catch (cause) {
    throw new PageError(
      `the trained example could not be loaded (${(cause as Error).message}): reload the page when you are online, or train a model`,
      { cause },
    )
  }
}

/** Five epochs of 60,000 images in batches of 64. */
const exampleSteps = 5 * Math.ceil(60_000 / 64)
