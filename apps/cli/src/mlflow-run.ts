// A run as MLflow takes it, and the note in its folder of where it was sent.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runRow } from '@digitlab/sweep'
import { parseRun, type Run } from '@digitlab/train/run'
import { writeAtomic } from './atomic-file'
import { note, warn } from './output'
import { OptionError, UsageError } from './usage-error'
import { mlflowClient, type MlflowMetric, type MlflowRun } from './mlflow'

/** Says where a run was sent. It lies in the run's folder, so that nothing is sent twice. */
const sentFile = 'mlflow.json'

/** By the server's address: the run's id there. */
type Sent = Readonly<Record<string, string>>

const readSent = async (folder: string): Promise<Sent> => {
  try {
    const sent = JSON.parse(await readFile(join(folder, sentFile), 'utf8')) as unknown
    return typeof sent === 'object' && sent !== null ? (sent as Sent) : {}
  } catch {
    return {} // none, or damaged: it is sent once more
  }
}

/** Everything of a run that MLflow shows: its settings, the loss of every step, what each epoch came to, and run.json itself. */
const mlflowRun = (run: Run, text: string): MlflowRun => {
  const { settings } = runRow('', run)
  const startTime = Date.parse(run.startedAt)
  const { stepLosses, epochs } = run.history
  const perEpoch = epochs.length === 0 ? stepLosses.length : stepLosses.length / epochs.length
  const seconds = run.timing.trainSeconds + run.timing.evaluationSeconds
  const endTime = Math.round(startTime + 1000 * seconds)
  const at = (step: number) => Math.round(startTime + (1000 * seconds * step) / Math.max(1, stepLosses.length))
  const metric = (key: string, value: number, step: number): MlflowMetric[] =>
    Number.isFinite(value) ? [{ key, value, step, timestamp: at(step) }] : []
  return {
    name: `${run.model.name} seed ${run.experiment.seed}`,
    startTime,
    endTime,
    finished: run.status === 'completed',
    params: Object.entries(settings).map(([key, value]) => ({ key, value: String(value ?? 'none') })),
    metrics: [
      ...stepLosses.flatMap((loss, n) => metric('loss', loss, n + 1)),
      ...epochs.flatMap((record) =>
        Object.entries(record).flatMap(([key, value]) =>
          key !== 'epoch' && typeof value === 'number' ? metric(key, value, Math.round(record.epoch * perEpoch)) : [],
        ),
      ),
    ],
    tags: [
      { key: 'digitlab.id', value: run.id },
      { key: 'digitlab.backend', value: `${run.backend.id} (${run.backend.device})` },
      { key: 'mlflow.source.name', value: 'digitlab' },
    ],
    artifacts: { 'run.json': text },
  }
}

/**
 * Sends runs to an MLflow server that have not been sent there, one after the other.
 *
 * @returns how many were sent, and how many had been
 * @throws UsageError if the server cannot be reached or refuses; what was sent until then is noted
 */
export const pushRuns = async (
  folders: readonly string[],
  { uri, experiment }: { readonly uri: string; readonly experiment: string },
): Promise<{ sent: number; before: number }> => {
  const client = mlflowClient(uri)
  let id: string | undefined
  let [sent, before] = [0, 0]
  for (const folder of folders) {
    const known = await readSent(folder)
    if (known[uri] !== undefined) {
      before++
      continue
    }
    const text = await readFile(join(folder, 'run.json'), 'utf8')
    const run = parseRun(text, join(folder, 'run.json'))
    id ??= await client.experiment(experiment)
    const there = await client.log(id, mlflowRun(run, text))
    await writeAtomic(join(folder, sentFile), `${JSON.stringify({ ...known, [uri]: there }, null, 2)}\n`)
    sent++
  }
  return { sent, before }
}

/** The address of an MLflow server. @throws OptionError if it is not one */
export const mlflowUri = (text: string): string => {
  if (/^https?:\/\//.test(text)) return text
  throw new OptionError(`--mlflow must be an address such as http://127.0.0.1:5000, not ${text}`)
}

/**
 * Sends runs that have just been written. A network costs no run: what cannot be sent stays in the folders, and what sends it later is
 * said.
 *
 * @param within the folder that holds them all
 */
export const sendWritten = async (folders: readonly string[], uri: string, within: string): Promise<void> => {
  const experiment = process.env['MLFLOW_EXPERIMENT_NAME'] || 'digitlab'
  try {
    const { sent } = await pushRuns(folders, { uri, experiment })
    note(`${sent} ${sent === 1 ? 'run' : 'runs'} sent to ${uri}`)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    warn(`not sent: ${error.message}; "digitlab runs push ${within} --mlflow ${uri}" sends what is left`)
  }
}
