// Reads drawings with the model as it is now: as it trains, as it was at the end, or as the seed draws it.
import type { Backend } from '@digitlab/backends'
import { bytesOfImage, inputShape, mnistForm, type Dataset } from '@digitlab/data'
import { initialWeights, resolveModel, type Model, type StateDict } from '@digitlab/models'
import { disposeWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import { greyImages } from '@digitlab/report'
import { predict, type NormalizeOptions } from '@digitlab/train'
import type { FromLab, Reading, Settings } from '../protocol'
import { readLayers } from './activations'
import { modelOf } from './experiment'
import { occlusion } from './occlusion'

/** What is to be read, in the form of the data set. */
interface Drawing {
  /** [height, width], as it is shown. */
  readonly form: Uint8Array
  /** The same in colour, [height, width, 3], where it has any. */
  readonly coloured?: Uint8Array
  readonly height: number
  readonly width: number
  readonly label?: number
}

/** Weights that are at hand while nothing is trained. */
export interface Resting {
  readonly model: Model
  readonly weights: StateDict
  readonly steps: number
  /** As the images that the weights were trained on. */
  readonly normalize?: NormalizeOptions | undefined
}

/** How often a drawing is read anew while the model trains, in milliseconds. */
const again = 200

interface ReadHow {
  /** Training steps behind the weights. */
  readonly steps: number
  readonly normalize?: NormalizeOptions | undefined
  /** However short a time ago it was read. */
  readonly always?: boolean
}

export interface Reader {
  /** A drawing as a canvas gives it, [height, width, 4]. @throws DataError where it is empty */
  draw(rgba: Uint8ClampedArray, width: number, height: number): void
  /** One of the test images, by chance. */
  takeTestImage(data: Dataset): void
  clear(): void
  /** Weights for whenever nothing is trained; they are fetched when there is something to read. */
  rest(resting: () => Promise<Resting>, backend: () => Promise<Backend>): void
  /** Reads what there is to be read with weights on the backend; where `model` trains, called again and again. */
  readWith(model: Model, weights: Weights, how: ReadHow): Promise<void>
  /** Reads what there is to be read with the weights at rest. */
  readAtRest(): Promise<void>
}

/** The weights that the seed draws, before any training. */
export const untrained = (settings: Settings, data: Dataset | undefined): Resting => {
  const { seed } = settings
  const input = inputShape(data?.imageShape ?? [28, 28])
  const model = resolveModel(modelOf(settings), { input, classes: data?.classes ?? 10 })
  return { model, weights: initialWeights(model, new MersenneTwister(seed)), steps: 0 }
}

/** A grey image for a model that looks at several channels. */
const repeated = (form: Uint8Array, channels: number): Uint8Array =>
  Uint8Array.from({ length: form.length * channels }, (_, i) => form[Math.floor(i / channels)] ?? 0)

export const createReader = (post: (message: FromLab) => void): Reader => {
  let drawing: Drawing | undefined
  let unread = false
  let lastRead = 0
  /** The drawing whose evidence was found last, and when it may be looked for again. */
  let explained: Drawing | undefined
  let nextEvidence = 0
  let resting:
    | {
        readonly resting: () => Promise<Resting>
        readonly backend: () => Promise<Backend>
        uploaded?: { readonly value: Resting; readonly weights: Weights }
      }
    | undefined

  const read = async (model: Model, weights: Weights, steps: number, normalize?: NormalizeOptions): Promise<void> => {
    if (!drawing) return
    const { form, coloured, height, width, label } = drawing
    unread = false
    lastRead = performance.now()
    const [rows, columns, channels] = model.definition.input
    if (rows !== height || columns !== width) {
      post({
        type: 'unreadable',
        sentence: `This model takes images of ${rows} x ${columns}; drawings are brought to ${height} x ${width}.`,
      })
      return
    }
    const image = channels === 1 ? form : (coloured ?? repeated(form, channels))
    const layers = readLayers(model, weights, image, normalize) // before a step changes the weights
    const [{ probabilities }, made] = await Promise.all([predict(model, weights, image, normalize), layers])
    const reading: Reading = {
      ...{ form, height, width, probabilities, steps, layers: made },
      ...(label === undefined ? {} : { label }),
    }
    post({ type: 'read', ...reading })
    // What it rests on takes many times as long: a tenth of the time while the same drawing is read again.
    const fresh = drawing !== explained
    const begun = performance.now()
    if (!fresh && begun < nextEvidence) return
    const shown = drawing
    const found = await occlusion(model, weights, image, normalize)
    nextEvidence = performance.now() + 9 * (performance.now() - begun)
    if (drawing !== shown || !found) return
    explained = shown
    post({ type: 'evidence', form, height, width, ...found })
  }

  return {
    draw(rgba, width, height) {
      drawing = { form: mnistForm(rgba, width, height), height: 28, width: 28 }
      unread = true
    },
    takeTestImage({ test, imageShape }) {
      const at = Math.floor(Math.random() * test.count)
      const [height, width, channels] = imageShape
      const size = bytesOfImage(imageShape)
      const pixels = test.images.slice(at * size, (at + 1) * size)
      const { pixels: form } = greyImages({ height, width, pixels, ...(channels ? { channels } : {}) })
      drawing = { form, height, width, label: test.labels[at] ?? 0, ...(channels ? { coloured: pixels } : {}) }
      unread = true
    },
    clear() {
      drawing = undefined
    },
    rest(value, backend) {
      if (resting?.uploaded) disposeWeights(resting.uploaded.weights)
      resting = { resting: value, backend }
      unread = true
    },
    async readWith(model, weights, { steps, normalize, always = false }) {
      if (always || unread || performance.now() - lastRead > again) await read(model, weights, steps, normalize)
    },
    async readAtRest() {
      const held = resting
      if (!held || !drawing || !unread) return
      if (!held.uploaded) {
        const [value, backend] = await Promise.all([held.resting(), held.backend()])
        await backend.start()
        if (held !== resting) return // something else is at rest by now, and is read next
        held.uploaded = { value, weights: uploadWeights(value.model, value.weights) }
      }
      const { value, weights } = held.uploaded
      await read(value.model, weights, value.steps, value.normalize)
    },
  }
}
