import type { ExperimentInput } from './complete-experiment'
import { runExperiment } from './run-experiment'
import type { Progress, RunOptions, RunResult } from './run-options'

/** What a run reports as it goes, and at last what it came to. */
export type TrainEvent = Progress | { readonly type: 'ended'; readonly result: RunResult }

/**
 * Runs an experiment and yields its events one by one; the run waits while one is handled. The last is 'ended',
 * with the result. Leaving the loop aborts the run.
 *
 * ```js
 * for await (const event of trainEvents(experiment, { data, backend }))
 *   if (event.type === 'epoch') console.log(event.record.trainLoss)
 * ```
 *
 * @throws what `runExperiment` throws
 */
export async function* trainEvents(
  experiment: ExperimentInput,
  options: RunOptions,
): AsyncGenerator<TrainEvent, void, undefined> {
  const leaving = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, leaving.signal]) : leaving.signal
  let deliver: (event: Progress | undefined) => void = () => {}
  let next = new Promise<Progress | undefined>((resolve) => (deliver = resolve))
  let goOn: () => void = () => {}
  let left = false
  const onProgress = async (progress: Progress) => {
    if (left) return
    await options.onProgress?.(progress)
    const looked = new Promise<void>((resolve) => (goOn = resolve))
    deliver(progress)
    await looked
  }
  const run = runExperiment(experiment, { ...options, signal, onProgress })
  run.catch(() => {}) // told below
  const ended = run.then(
    () => undefined,
    () => undefined,
  )
  try {
    for (;;) {
      const event = await Promise.race([next, ended])
      if (!event) break
      next = new Promise((resolve) => (deliver = resolve))
      yield event
      goOn()
    }
    yield { type: 'ended', result: await run }
  } finally {
    left = true
    leaving.abort()
    goOn()
    await ended
  }
}
