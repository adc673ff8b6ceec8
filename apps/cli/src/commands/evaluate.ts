import { resolveModel, uploadWeights, disposeWeights } from '@digitlab/models'
import { classificationMetrics, metricsText } from '@digitlab/report'
import { evaluate } from '@digitlab/train'
import { Command, Option } from 'commander'
import { checkGpuFlags, choose, load } from '../load'
import { shared } from '../options'
import { note, writeResult } from '../output'
import { readRun } from '../run-folder'

interface Flags {
  readonly dataset?: string
  readonly dataDir?: string
  readonly backend: string
  readonly device?: number
  readonly tf32?: boolean
  readonly split: 'train' | 'test'
  readonly json?: boolean
}

export const evaluateCommand = (): Command =>
  new Command('evaluate')
    .description('Say how good the weights of a run are: overall, per class, and what is taken for what.')
    .argument('<run>', 'the folder of a run, or its run.json')
    .option('--dataset <name>', "another data set than the run's own")
    .addOption(shared.dataDir())
    .addOption(shared.backend())
    .addOption(shared.device())
    .addOption(shared.tf32())
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
    .addOption(shared.json())
    .action(async (path: string, flags: Flags) => {
      checkGpuFlags(flags, [flags.backend])
      const { run, weights } = await readRun(path)
      const model = resolveModel(run.model.definition)
      const backend = await choose(flags.backend, flags)
      const data = await load(flags.dataset ?? run.experiment.dataset, flags.dataDir)
      await backend.start()
      const uploaded = uploadWeights(model, weights)
      const { evaluation } = await evaluate(model, uploaded, data[flags.split], data.imageShape)
      disposeWeights(uploaded)
      const metrics = classificationMetrics(evaluation.confusion, { meanLoss: evaluation.meanLoss })
      if (run.status === 'interrupted') note('this run was interrupted: its weights are those of its last step')
      writeResult(
        flags.json ?? false,
        () => ({ run: run.id, dataset: data.name, split: flags.split, backend: backend.id, metrics }),
        () =>
          `${model.name} on the ${flags.split} images of ${data.title}:\n${metricsText(metrics, { classNames: data.classNames })}`,
      )
    })
