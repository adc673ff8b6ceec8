import { resolveModel } from '@digitlab/models'
import { uploadWeights, disposeWeights } from '@digitlab/models/compute'
import { classificationMetrics, metricsText } from '@digitlab/report'
import { evaluate } from '@digitlab/train'
import { Command, Option } from 'commander'
import { checkGpuFlags, choose, load } from '../load'
import { shared } from '../options'
import { note, writeResult } from '../output'
import { readRun } from '../run-folder'
import { UsageError } from '../usage-error'
import { isRun, readableWeights, readModel } from '../weights-file'

interface Flags {
  readonly model?: string
  readonly key?: string
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
    .description('Say how good the weights of a run or of a file are: overall, per class, and what is taken for what.')
    .argument('<weights>', readableWeights)
    .option('--model <name>', 'what the weights of a file are of, where it does not say so itself')
    .addOption(shared.key())
    .option('--dataset <name>', "another data set than the run's own (for a file: auto)")
    .addOption(shared.dataDir())
    .addOption(shared.backend())
    .addOption(shared.device())
    .addOption(shared.tf32())
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
    .addOption(shared.json())
    .action(async (path: string, flags: Flags) => {
      checkGpuFlags(flags, [flags.backend])
      const { model, weights, run } = await read(path, flags)
      const backend = await choose(flags.backend, flags)
      const data = await load(flags.dataset ?? run?.experiment.dataset ?? 'auto', flags.dataDir)
      await backend.start()
      const uploaded = uploadWeights(model, weights)
      const { evaluation } = await evaluate(model, uploaded, data[flags.split], data.imageShape)
      disposeWeights(uploaded)
      const metrics = classificationMetrics(evaluation.confusion, { meanLoss: evaluation.meanLoss })
      if (run?.status === 'interrupted') note('this run was interrupted: its weights are those of its last step')
      writeResult(
        flags.json ?? false,
        () => ({ run: run?.id ?? null, dataset: data.name, split: flags.split, backend: backend.id, metrics }),
        () =>
          `${model.name} on the ${flags.split} images of ${data.title}:\n${metricsText(metrics, { classNames: data.classNames })}`,
      )
    })

const read = async (path: string, { model, key }: Pick<Flags, 'model' | 'key'>) => {
  if (!(await isRun(path))) return { ...(await readModel(path, model, key)), run: undefined }
  const given = [...(model === undefined ? [] : ['--model']), ...(key === undefined ? [] : ['--key'])]
  if (given[0]) throw new UsageError(`${path} is a run and says itself what its model is: leave ${given[0]} out`)
  const { run, weights } = await readRun(path)
  return { model: resolveModel(run.model.definition), weights, run }
}
