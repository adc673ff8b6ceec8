import type { Dataset } from '@digitlab/data'
import { datasetVariants } from '@digitlab/data/node'
import { resolveModel } from '@digitlab/models'
import { uploadWeights, disposeWeights } from '@digitlab/models/compute'
import { classificationMetrics, metricsText, type Metrics } from '@digitlab/report'
import { evaluate } from '@digitlab/train'
import type { Normalization } from '@digitlab/weights'
import { type Command, Option } from 'commander'
import { clean } from '../clean'
import { checkPlace, datasetPlace } from '../dataset-place'
import { checkGpuFlags, choose, load } from '../load'
import { normalizationHint } from '../normalization-hint'
import { shared } from '../options'
import { addPreparation, type PreparationFlags } from '../preparation-options'
import { resultWidth, warn, writeResult } from '../output'
import { readRun } from '../run-folder'
import { UsageError } from '../usage-error'
import { isRun, readableWeights, readModel } from '../weights-file'
import { outlined } from './outline'

interface Flags extends PreparationFlags {
  readonly model?: string
  readonly key?: string
  readonly normalize?: Normalization
  readonly dataset?: string
  readonly dataDir?: string
  readonly backend: string
  readonly device?: number
  readonly tf32?: boolean
  readonly split: 'train' | 'test'
  readonly json?: boolean
}

export const evaluateCommand = (): Command =>
  addPreparation(
    outlined('evaluate')
      .argument('<weights>', readableWeights)
      .option('--model <name>', 'the model of a file that does not name it')
      .addOption(shared.key())
      .addOption(shared.normalize())
      .option('--dataset <name>', "another data set than the run's own (for a file: auto)")
      .addOption(shared.dataDir())
      .addOption(shared.backend())
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
      .addOption(shared.json()),
  ).action(async (path: string, flags: Flags) => {
    checkPlace(flags)
    checkGpuFlags(flags, [flags.backend])
    const { model, weights, run, experiment, normalize } = await read(path, flags)
    const backend = await choose(flags.backend, flags)
    const named = flags.dataset ?? run?.experiment.dataset ?? 'auto'
    const { dataDir, split, json = false } = flags
    const { dataset, folder } = datasetPlace(named, dataDir)
    const variants = await datasetVariants(dataset, folder === undefined ? {} : { folder })
    const first = await load(variants[0]?.name ?? named, dataDir, { classNames: flags.classNames })
    await backend.start()
    const uploaded = uploadWeights(model, weights)
    const measure = async (data: Dataset) => {
      const { evaluation } = await evaluate(model, uploaded, data[split], data.imageShape, normalize)
      return classificationMetrics(evaluation.confusion, { meanLoss: evaluation.meanLoss })
    }
    if (run?.status === 'interrupted') warn('this run was interrupted: its weights are those of its last step')
    const common = { run: run?.id ?? null, split, ...(normalize ? { normalize } : {}), backend: backend.id }
    if (variants.length === 0) {
      const metrics = await measure(first)
      // Who trained here has said it; a file from elsewhere may just not say it.
      const unsaid = normalize === undefined && experiment === undefined
      const hint = unsaid ? await normalizationHint(model, uploaded, first, first[split]) : undefined
      disposeWeights(uploaded)
      if (hint !== undefined) warn(`${path}: ${hint}`)
      return writeResult(
        json,
        () => ({ ...common, dataset: first.name, metrics }),
        () =>
          `${model.name} on the ${split} images of ${first.title}:\n${metricsText(metrics, { classNames: first.classNames, width: resultWidth() })}`,
      )
    }
    const rows: VariantRow[] = []
    for (const [i, { name, variant }] of variants.entries())
      rows.push({ variant, metrics: await measure(i === 0 ? first : await load(name, dataDir)) })
    disposeWeights(uploaded)
    return writeResult(
      json,
      () => ({ ...common, dataset: named, variants: rows }),
      () => `${model.name} on the ${split} images of ${named}:\n${variantTable(rows)}`,
    )
  })

interface VariantRow {
  readonly variant: string
  readonly metrics: Metrics
}

/** A line for each set and their mean, without the one that leaves the images as they are. */
const variantTable = (rows: readonly VariantRow[]): string => {
  const width = Math.max(...rows.map(({ variant }) => variant.length), 'mean'.length)
  const line = (name: string, accuracy: number, loss: number | null) =>
    `  ${clean(name).padEnd(width)}  ${(100 * accuracy).toFixed(2).padStart(6)} %${loss === null ? '' : `  ${loss.toFixed(4).padStart(8)}`}`
  const changed = rows.filter(({ variant }) => variant !== 'identity')
  const mean = (of: (row: VariantRow) => number) => changed.reduce((sum, row) => sum + of(row), 0) / changed.length
  return [
    `  ${''.padEnd(width)}  accuracy  mean loss`,
    ...rows.map(({ variant, metrics }) => line(variant, metrics.accuracy, metrics.meanLoss)),
    line(
      'mean',
      mean(({ metrics }) => metrics.accuracy),
      mean(({ metrics }) => metrics.meanLoss ?? NaN),
    ),
  ].join('\n')
}

const read = async (path: string, { model, key, normalize }: Pick<Flags, 'model' | 'key' | 'normalize'>) => {
  // With --normalize, which a run takes as little.
  if (normalize || !(await isRun(path))) return { ...(await readModel(path, model, key, normalize)), run: undefined }
  const given = [...(model === undefined ? [] : ['--model']), ...(key === undefined ? [] : ['--key'])]
  if (given[0]) throw new UsageError(`${path} is a run and says itself what its model is: leave ${given[0]} out`)
  const { run, weights } = await readRun(path)
  return {
    model: resolveModel(run.model.definition),
    weights,
    run,
    experiment: run.id,
    normalize: run.experiment.normalize,
  }
}
