// MLflow, offline first: what is to be logged lies in the run's folder, and is sent by "runs push". Its REST API as MLflow publishes it
// (https://mlflow.org/docs/latest/rest-api.html): experiments/get-by-name and create, runs/create, runs/log-batch, runs/update.
import { UsageError } from './usage-error'

/** A value at a step, as MLflow takes it. */
export interface MlflowMetric {
  readonly key: string
  readonly value: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
}

/** A run, as it is sent. */
export interface MlflowRun {
  readonly name: string
  readonly startTime: number
  readonly endTime: number
  readonly finished: boolean
  readonly params: readonly { readonly key: string; readonly value: string }[]
  readonly metrics: readonly MlflowMetric[]
  readonly tags: readonly { readonly key: string; readonly value: string }[]
  /** By path, text. */
  readonly artifacts: Readonly<Record<string, string | Uint8Array>>
}

/** What MLflow takes at once: 1000 metrics, 100 parameters, 100 tags, 1000 of all; and a parameter of 500 characters. */
const most = { metrics: 900, params: 100, value: 500 } as const

/** How long an answer is waited for, in milliseconds. */
const patience = 30_000

/**
 * A client of an MLflow server.
 *
 * @param uri where it is, such as http://127.0.0.1:5000
 */
export const mlflowClient = (uri: string) => {
  const base = uri.replace(/\/+$/, '')
  const token = process.env['MLFLOW_TRACKING_TOKEN']
  const send = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: string | Uint8Array): Promise<Response> => {
    try {
      return await fetch(`${base}${path}`, {
        method,
        headers: {
          ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: body as BodyInit }),
        signal: AbortSignal.timeout(patience),
      })
    } catch (cause) {
      const reason =
        (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error).message : (cause as Error).message
      throw new UsageError(
        `could not reach MLflow at ${base} (${reason}): start it, or push later; the runs keep what is to be sent`,
        { cause },
      )
    }
  }
  const refused = async (what: string, response: Response): Promise<UsageError> =>
    new UsageError(`MLflow at ${base} refused ${what}: ${response.status} ${(await response.text()).slice(0, 300)}`)
  const api = async (method: 'GET' | 'POST', path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await send(method, `/api/2.0/mlflow/${path}`, body && JSON.stringify(body))
    if (!response.ok) throw await refused(path, response)
    return (await response.json()) as Record<string, unknown>
  }
  return {
    /** The id of an experiment, which is made if there is none of that name. */
    async experiment(name: string): Promise<string> {
      const query = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`
      const found = await send('GET', `/api/2.0/mlflow/${query}`)
      if (found.ok)
        return String(((await found.json()) as { experiment: { experiment_id: string } }).experiment.experiment_id)
      if (found.status !== 404) throw await refused('experiments/get-by-name', found)
      return String((await api('POST', 'experiments/create', { name }))['experiment_id'])
    },
    /** Logs a run whole. @returns its id there */
    async log(experiment: string, run: MlflowRun): Promise<string> {
      const created = (await api('POST', 'runs/create', {
        experiment_id: experiment,
        run_name: run.name,
        start_time: run.startTime,
        tags: run.tags,
      })) as { run: { info: { run_id: string; artifact_uri?: string } } }
      const { run_id, artifact_uri } = created.run.info
      const params = run.params.map(({ key, value }) => ({ key, value: value.slice(0, most.value) }))
      for (let n = 0; n < params.length; n += most.params)
        await api('POST', 'runs/log-batch', { run_id, params: params.slice(n, n + most.params) })
      for (let n = 0; n < run.metrics.length; n += most.metrics)
        await api('POST', 'runs/log-batch', { run_id, metrics: run.metrics.slice(n, n + most.metrics) })
      // Only where the server itself hands artifacts on; else they stay where they are, which a tag says.
      const proxied = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(artifact_uri ?? '')?.[1]
      if (proxied !== undefined)
        for (const [path, content] of Object.entries(run.artifacts)) {
          const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
          const address = `/api/2.0/mlflow-artifacts/artifacts/${[...proxied.split('/'), ...path.split('/')].map(encodeURIComponent).join('/')}`
          const response = await send('PUT', address, bytes)
          if (!response.ok) throw await refused(`the artifact ${path}`, response)
        }
      await api('POST', 'runs/update', { run_id, status: run.finished ? 'FINISHED' : 'KILLED', end_time: run.endTime })
      return run_id
    },
  }
}
