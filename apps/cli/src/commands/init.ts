import { basename } from 'node:path'
import { completeExperiment } from '@digitlab/train/experiment'
import { type Command } from 'commander'
import type { AugmentFlags } from '../augment-option'
import type { ChoiceFlags } from '../choices'
import { experimentText } from '../experiment-file'
import { writeNewFiles } from '../new-files'
import { addTraining, checkOptions, modelOf, shared, trainingOf } from '../options'
import { writeResult } from '../output'
import { isAuto } from '../train-plan'
import { outlined } from './outline'

interface Flags extends ChoiceFlags, AugmentFlags {
  readonly model: string
  readonly dataset: string
  readonly seed: number
  readonly recipe: boolean
  readonly json?: boolean
}

const usualFile = 'experiment.jsonc'

export const initCommand = (): Command =>
  addTraining(
    outlined('init')
      .argument('[file]', 'where to write it', usualFile)
      .addOption(shared.model().default('cnn'))
      .addOption(shared.dataset('auto'))
      .addOption(shared.seed())
      .addOption(shared.json()),
    { epochs: 5 },
  ).action(async (file: string, flags: Flags, command: Command) => {
    const { dataset, seed } = flags
    const model = modelOf(flags.model)
    const experiment = checkOptions(() =>
      completeExperiment({
        ...{ model, seed, ...trainingOf(model, flags, command) },
        ...(isAuto(dataset) ? {} : { dataset }),
      }),
    )
    const whole = { ...experiment, dataset }
    await writeNewFiles(new Map([[file, experimentText(whole, basename(file))]]))
    writeResult(
      flags.json ?? false,
      () => ({ out: file, experiment: whole }),
      () => `written to ${file}\ntrain it with "digitlab train --experiment ${file}"`,
    )
  })
