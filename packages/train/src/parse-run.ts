import { completeExperiment, TrainError } from './experiment'
import { runVersion, type Run } from './run'

/**
 * Reads the text of a run.json.
 *
 * @param name what to call it in an error
 * @throws TrainError where it is no run, of another version, or its experiment is none
 */
export const parseRun = (text: string, name = 'run.json'): Run => {
  let run: Partial<Record<keyof Run, unknown>>
  try {
    run = JSON.parse(text) as typeof run
  } catch (cause) {
    throw new TrainError(`${name} is not JSON (${(cause as Error).message}): give a run's folder or its run.json`, {
      cause,
    })
  }
  if (typeof run !== 'object' || run === null || run.format !== 'digitlab-run')
    throw new TrainError(
      `${name} is not a run of digitlab: expected the format "digitlab-run", found ${JSON.stringify(run?.format) ?? 'none'}`,
    )
  if (run.version !== runVersion)
    throw new TrainError(
      `${name} has version ${JSON.stringify(run.version)}, this digitlab reads version ${runVersion}: use the one that wrote it`,
    )
  for (const key of [
    'experiment',
    'model',
    'dataset',
    'backend',
    'environment',
    'history',
    'metrics',
    'timing',
  ] as const)
    if (typeof run[key] !== 'object' || run[key] === null)
      throw new TrainError(`${name} has no "${key}": it was cut or changed, train again`)
  completeExperiment(run.experiment as Run['experiment'])
  return run as Run
}
