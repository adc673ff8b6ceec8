// What a run's figures are drawn from, out of the files of its folder.
import type { Dataset } from '@digitlab/data'
import type { StateDict } from '@digitlab/models'
import { figureSources, parseRun, predictionsFile, readPredictions, readRunWeights } from '@digitlab/train'
import type { GivenFile, KnownRun, RunParts } from '../protocol'
import { shown } from '../shown'
import { PageError } from './failure'
import { isNamed } from './given'

/** The largest file of a run that is read, in bytes: the weights of a hundred million parameters. */
const longestFile = 400e6

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content

/** The weights of a run at its end. */
export const weightsOf = ({ run, files }: Pick<KnownRun, 'run' | 'files'>): StateDict =>
  readRunWeights(bytesOf(files['weights.safetensors'] ?? ''), run)

/**
 * What the figures of a run are drawn from.
 *
 * @param data its data set, or why that is not to be had
 * @throws TrainError and WeightsError where a file is damaged or of another run
 */
export const runParts = ({ key, run, files }: KnownRun, data: Dataset | string): RunParts => {
  const kept = files[predictionsFile]
  const predictions = kept === undefined ? undefined : readPredictions(bytesOf(kept), run)
  const sources = figureSources(run, weightsOf({ run, files }), typeof data === 'string' ? undefined : data)
  return {
    ...sources,
    key,
    run,
    ...(predictions ? { predictions } : {}),
    missing: [
      ...(predictions ? [] : [`${predictionsFile} did not come with it, which some figures need`]),
      ...(typeof data === 'string' ? [data] : []),
      ...sources.missing,
    ],
  }
}

/**
 * Reads the files of a run that "digitlab train" wrote, or that this page gave.
 *
 * @throws PageError where run.json or the weights are not among them; TrainError and WeightsError where one is damaged
 */
export const readRunFiles = async (key: string, given: readonly GivenFile[]): Promise<KnownRun> => {
  const named = (name: string): File | undefined => {
    const [found, other] = given.filter((one) => isNamed(one, name))
    if (other) throw new PageError(`there are two files ${name} among those that were given: give the files of one run`)
    return found?.file
  }
  const [json, weights, predictions] = [named('run.json'), named('weights.safetensors'), named(predictionsFile)]
  if (!json || !weights) {
    const missing = [...(json ? [] : ['run.json']), ...(weights ? [] : ['weights.safetensors'])].join(' and ')
    const found = shown(given.map(({ file }) => file.name).join(', '), 200)
    throw new PageError(
      `a run is its run.json and weights.safetensors, given together; there was ${found}: add ${missing} of the same folder`,
    )
  }
  const text = await read(json, (file) => file.text())
  const run = parseRun(text)
  const bytes = (file: File) => read(file, async (file) => new Uint8Array(await file.arrayBuffer()))
  const files = {
    'run.json': text,
    'weights.safetensors': await bytes(weights),
    ...(predictions ? { [predictionsFile]: await bytes(predictions) } : {}),
  }
  const known: KnownRun = { key, from: 'dropped', run, files }
  runParts(known, '') // a damaged file, or one of another run, is told now
  return known
}

/** A file's content, where a browser can hold it. */
const read = async <T>(file: File, as: (file: File) => Promise<T>): Promise<T> => {
  if (file.size > longestFile)
    throw new PageError(`${shown(file.name)} has ${file.size} bytes, a file of a run may have ${longestFile} in a page`)
  try {
    return await as(file)
  } catch (cause) {
    throw new PageError(`${shown(file.name)} cannot be read (${(cause as Error).message}): give it again`, { cause })
  }
}
