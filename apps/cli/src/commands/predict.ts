import { mnistForm } from '@digitlab/data'
import { disposeWeights, uploadWeights } from '@digitlab/models/compute'
import { textTable, type Column } from '@digitlab/report'
import { predict } from '@digitlab/train'
import { Command } from 'commander'
import { choose } from '../load'
import { shared } from '../options'
import { percent, writeResult } from '../output'
import { readPng } from '../read-png'
import { UsageError } from '../usage-error'
import { readableWeights, readModel } from '../weights-file'

interface Flags {
  readonly model?: string
  readonly backend: string
  readonly json?: boolean
}

export const predictCommand = (): Command =>
  new Command('predict')
    .description(
      "Say what digits pictures show. Each is brought into MNIST's form first, whatever its size, dark on light or light on dark.",
    )
    .argument('<weights>', readableWeights)
    .argument('<images...>', 'PNG files of one digit each')
    .option('--model <name>', 'what the weights of a file are of, where it does not say so itself')
    .addOption(shared.backend())
    .addOption(shared.json())
    .action(async (path: string, images: readonly string[], flags: Flags) => {
      const { model, weights } = await readModel(path, flags.model)
      const input = model.definition.input
      if (input.join() !== '28,28,1')
        throw new UsageError(
          `the model "${model.name}" takes images of [${input.join(', ')}], pictures are brought to [28, 28, 1]: give the weights of another model`,
        )
      const pixels = new Uint8Array(images.length * 784)
      for (const [i, image] of images.entries()) {
        const { rgba, width, height } = await readPng(image)
        pixels.set(formOf(image, rgba, width, height), i * 784)
      }
      const backend = await choose(flags.backend)
      await backend.start()
      const uploaded = uploadWeights(model, weights)
      const { classes, probabilities } = await predict(model, uploaded, pixels)
      disposeWeights(uploaded)
      const found = images.map((image, i) => ({
        image,
        class: classes[i] ?? 0,
        probabilities: Array.from(probabilities.subarray(i * model.classes, (i + 1) * model.classes)),
      }))
      writeResult(
        flags.json ?? false,
        () => ({ model: model.name, backend: backend.id, predictions: found }),
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
          return textTable(columns, rows)
        },
      )
    })

/** Names the picture that holds no digit. */
const formOf = (image: string, rgba: Uint8Array, width: number, height: number): Uint8Array => {
  try {
    return mnistForm(rgba, width, height)
  } catch (cause) {
    throw new UsageError(`${image}: ${(cause as Error).message}`, { cause })
  }
}
