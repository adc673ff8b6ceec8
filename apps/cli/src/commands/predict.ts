import { DataError, digitPicture, type DigitPicture } from '@digitlab/data'
import { disposeWeights, uploadWeights } from '@digitlab/models/compute'
import { percent, textTable, type Column } from '@digitlab/report'
import { isMendable, predict } from '@digitlab/train'
import type { Normalization } from '@digitlab/weights'
import { type Command } from 'commander'
import { choose } from '../load'
import { shared } from '../options'
import { resultWidth, warn, writeResult } from '../output'
import { readableFormats, readPicture } from '../picture/read-picture'
import { UsageError } from '../usage-error'
import { readableWeights, readModel } from '../weights-file'
import { outlined } from './outline'

interface Flags {
  readonly model?: string
  readonly key?: string
  readonly normalize?: Normalization
  readonly backend: string
  readonly json?: boolean
}

export const predictCommand = (): Command =>
  outlined('predict')
    .argument('<weights>', readableWeights)
    .argument('<images...>', `pictures of one digit each: ${readableFormats}`)
    .option('--model <name>', 'the model of a file that does not name it')
    .addOption(shared.key())
    .addOption(shared.normalize())
    .addOption(shared.backend())
    .addOption(shared.json())
    .action(async (path: string, images: readonly string[], flags: Flags) => {
      const { model, weights, normalize } = await readModel(path, flags.model, flags.key, flags.normalize)
      const input = model.definition.input
      if (input.join() !== '28,28,1')
        throw new UsageError(
          `the model "${model.name}" takes images of [${input.join(', ')}], pictures are brought to [28, 28, 1]: give the weights of another model`,
        )
      const { read, unread } = await readAll(images)
      const pixels = new Uint8Array(read.length * 784)
      read.forEach(({ form }, i) => pixels.set(form, i * 784))
      const backend = await choose(flags.backend)
      await backend.start()
      const uploaded = uploadWeights(model, weights)
      const { classes, probabilities } = await predict(model, uploaded, pixels, normalize)
      disposeWeights(uploaded)
      const found = read.map(({ image, doubt }, i) => ({
        image,
        class: classes[i] ?? 0,
        probabilities: Array.from(probabilities.subarray(i * model.classes, (i + 1) * model.classes)),
        ...(doubt ? { doubt } : {}),
      }))
      writeResult(
        flags.json ?? false,
        () => ({
          model: model.name,
          backend: backend.id,
          predictions: found,
          ...(unread.length > 0 ? { unread } : {}),
        }),
        () => {
          const columns: Column[] = [
            { heading: 'picture', align: 'left' },
            { heading: 'class', align: 'right' },
            ...Array.from({ length: model.classes }, (_, label): Column => ({
              heading: String(label),
              align: 'right',
            })),
          ]
          const rows = found.map((each) => [
            ...[each.image, String(each.class)],
            ...each.probabilities.map((probability) => percent(probability, 1)),
          ])
          return textTable(columns, rows, { width: resultWidth() })
        },
      )
      for (const { image, doubt } of found) if (doubt) warn(`${image}: ${doubt}: give a picture of one digit`)
      if (unread.length > 0) throw new UsageError(unread.map(({ reason }) => reason).join('\ndigitlab: '))
    })

interface Read extends DigitPicture {
  readonly image: string
}

/**
 * Every picture that can be read, and why the others can't.
 *
 * @throws UsageError if none can
 */
const readAll = async (images: readonly string[]) => {
  const [read, unread]: [Read[], { image: string; reason: string }[]] = [[], []]
  for (const image of images)
    try {
      const { rgba, width, height } = await readPicture(image)
      read.push({ image, ...formOf(image, rgba, width, height) })
    } catch (error) {
      if (!isMendable(error)) throw error
      unread.push({ image, reason: error.message })
    }
  if (read.length === 0) throw new UsageError(unread.map(({ reason }) => reason).join('\ndigitlab: '))
  return { read, unread }
}

/** Names the picture that holds no digit. */
const formOf = (image: string, rgba: Uint8Array, width: number, height: number): DigitPicture => {
  try {
    return digitPicture(rgba, width, height)
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause
    throw new UsageError(`${image}: ${cause.message}`, { cause })
  }
}
