// What a run's figures are drawn from, out of the files of its folder.
import type { Dataset } from '@digitlab/data'
import { firstFeatureMaps, firstLayerWeights, resolveModel, type StateDict } from '@digitlab/models'
import { parseRun, predictionsFile, readPredictions, type Run } from '@digitlab/train'
import { checkFinite, readSafetensors } from '@digitlab/weights'
import type { KnownRun, RunParts } from '../protocol'
import { PageError } from './failure'

/** Feature maps are computed by plain loops: of larger images that would take longer than they are worth. */
const mostPixels = 256 * 256

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content

/** The weights of a run at its end. */
export const weightsOf = ({ files }: Pick<KnownRun, 'files'>): StateDict => {
  const { weights } = readSafetensors(bytesOf(files['weights.safetensors'] ?? ''), 'weights.safetensors')
  checkFinite(weights)
  return weights
}

/**
 * What the figures of a run are drawn from.
 *
 * @param data its data set, or why that is not to be had
 * @throws TrainError and WeightsError where a file is damaged or of another run
 */
export const runParts = ({ key, run, files }: KnownRun, data: Dataset | string): RunParts => {
  const weights = weightsOf({ files })
  const model = resolveModel(run.model.definition)
  const kept = files[predictionsFile]
  const predictions = kept === undefined ? undefined : readPredictions(bytesOf(kept), run)
  const firstLayer = firstLayerWeights(model, weights)
  const images = typeof data === 'string' ? undefined : data
  const size = images ? images.imageShape[0] * images.imageShape[1] : 0
  const maps =
    images && size <= mostPixels ? firstFeatureMaps(model, weights, images.test.images.subarray(0, size)) : undefined
  return {
    key,
    run,
    ...(predictions ? { predictions } : {}),
    ...(firstLayer ? { firstLayer } : {}),
    ...(maps ? { featureMaps: { image: 0, ...maps } } : {}),
    missing: [
      ...(predictions ? [] : [`${predictionsFile} did not come with it, which some figures need`]),
      ...(typeof data === 'string' ? [data] : []),
    ],
  }
}

/** Whether a data set is the one that a run was trained on. */
export const isDataOf = ({ dataset }: Run, data: Dataset): boolean => {
  const hashes = ({ files }: Pick<Dataset, 'files'>) => files.map(({ sha256 }) => sha256).join()
  return hashes(data) === hashes(dataset) && data.test.count === dataset.testCount
}

/**
 * Reads the files of a run that "digitlab train" wrote, or that this page gave.
 *
 * @throws PageError where run.json or the weights are not among them; TrainError and WeightsError where one is damaged
 */
export const readRunFiles = async (key: string, given: readonly File[]): Promise<KnownRun> => {
  const named = (name: string) => given.find((file) => file.name === name)
  const [json, weights, predictions] = [named('run.json'), named('weights.safetensors'), named(predictionsFile)]
  if (!json || !weights) {
    const missing = [...(json ? [] : ['run.json']), ...(weights ? [] : ['weights.safetensors'])].join(' and ')
    const found = given.map(({ name }) => name).join(', ') || 'nothing'
    throw new PageError(
      `a run is its run.json and weights.safetensors, dropped together; there was ${found}: add ${missing} of the same folder`,
    )
  }
  const text = await json.text()
  const run = parseRun(text)
  const bytes = async (file: File) => new Uint8Array(await file.arrayBuffer())
  const files = {
    'run.json': text,
    'weights.safetensors': await bytes(weights),
    ...(predictions ? { [predictionsFile]: await bytes(predictions) } : {}),
  }
  const { metadata } = readSafetensors(files['weights.safetensors'], 'weights.safetensors')
  const experiment = metadata.get('experiment')
  if (experiment !== undefined && experiment !== run.id)
    throw new PageError(
      `weights.safetensors is of the experiment ${experiment.slice(0, 8)}, run.json of ${run.id.slice(0, 8)}: drop the files of one run together`,
    )
  const known: KnownRun = { key, from: 'dropped', run, files }
  runParts(known, '') // a damaged file is told now
  return known
}
