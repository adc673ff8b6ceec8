import { greyImages, gridPng, imageGrid, terminalGrid, terminalPredictions } from '@digitlab/report'
import { MersenneTwister, randperm } from '@digitlab/random'
import { augmentedCaptions, augmentedImages, completeExperiment } from '@digitlab/train/experiment'
import { type Command, Option } from 'commander'
import { augmentOf, augmentOption, type AugmentFlags } from '../augment-option'
import { checkPlace } from '../dataset-place'
import { load } from '../load'
import { checkOptions, countingNumber, refuseBeside, shared } from '../options'
import { clean } from '../clean'
import { writeResult } from '../output'
import { drawnSize, readReportInputs } from '../report-input'
import { addPreparation, type PreparationFlags } from '../preparation-options'
import { checkPng, paintsPictures, terminal, writePng } from '../terminal'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

interface Flags extends AugmentFlags, PreparationFlags {
  readonly dataset: string
  readonly dataDir?: string
  readonly split: 'train' | 'test'
  readonly count?: number
  readonly seed: number
  readonly out?: string
  readonly json?: boolean
}

export const showCommand = (): Command => addPreparation(show())

const show = (): Command =>
  outlined('show')
    .argument('[run]', 'the folder of a run, or its run.json')
    .addOption(shared.dataset('auto'))
    .addOption(shared.dataDir())
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('train'))
    .addOption(new Option('--count <n>', 'how many (15; of a run 20)').argParser(countingNumber))
    .addOption(
      new Option('--seed <n>', 'which of them')
        .argParser(shared.seed().parseArg as (text: string) => number)
        .default(0),
    )
    .addOption(augmentOption())
    .option('--out <file>', 'write the grid to this PNG file')
    .addOption(shared.json())
    .action(async (run: string | undefined, flags: Flags, command: Command) => {
      if (run !== undefined) return showRun(run, flags, command)
      checkPlace(flags)
      const { count = 15, seed } = flags
      const experiment = checkOptions(() => completeExperiment({ model: 'linear', seed, ...augmentOf(flags) }))
      if (experiment.augment && flags.split === 'test')
        throw new UsageError('test images are never changed: leave --augment or --split test out')
      checkPng(flags.out)
      const data = await load(flags.dataset, flags.dataDir, { classNames: flags.classNames })
      const size = drawnSize(data.imageShape)
      const split = data[flags.split]
      if (count > split.count)
        throw new UsageError(`there are ${split.count} ${flags.split} images, not ${count}: ask for fewer with --count`)
      const chosen = randperm(new MersenneTwister(flags.seed), split.count).subarray(0, count)
      const found = augmentedImages(experiment, { ...data, train: split }, chosen)
      const { images } = found
      const labels = augmentedCaptions(found, data.classNames)
      if (flags.out !== undefined) await writePng(flags.out, gridPng(imageGrid(images, { ...size, captions: labels })))
      writeResult(
        flags.json ?? false,
        () => ({ dataset: data.name, split: flags.split, indices: Array.from(chosen), labels, out: flags.out ?? null }),
        () => {
          const { pixels, height, width } = greyImages({ ...size, pixels: images })
          const grid = terminalGrid(pixels, {
            height,
            width,
            labels: labels.map(clean),
            ...terminal(),
          })
          return flags.out === undefined ? grid : `${grid}\nwritten to ${clean(flags.out)}`
        },
        paintsPictures(),
      )
    })

/** The first test images with what a run took them for. */
const showRun = async (path: string, flags: Flags, command: Command): Promise<void> => {
  refuseBeside(command, 'a run', ['dataset', 'split', 'seed', 'augment', 'out'], 'what is shown')
  const { count = 20 } = flags
  const [input] = await readReportInputs([path], { dataDir: flags.dataDir })
  const { run, predictions, images, missing = [] } = input ?? {}
  if (!run || !predictions || !images) throw new UsageError(`${path} can't be shown: ${missing.join('; ')}`)
  if (count > predictions.labels.length)
    throw new UsageError(`there are ${predictions.labels.length} test images, not ${count}: ask for fewer with --count`)
  const { labels, before, after } = predictions
  const first = (classes: ArrayLike<number>) => Array.from({ length: count }, (_, i) => classes[i] ?? 0)
  const options = { classNames: run.dataset.classNames.map(clean), count, ...terminal() }
  writeResult(
    flags.json ?? false,
    () => ({ run: run.id, labels: first(labels), before: first(before), after: first(after) }),
    () =>
      (['before', 'after'] as const)
        .map((when) => terminalPredictions(images, predictions, when, options))
        .join('\n\n'),
    paintsPictures(),
  )
}
