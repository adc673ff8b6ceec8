// A worker that trains, as a page's would, in nested workers where it is told so.
import { strokes } from '@digitlab/data'
import { environment, runExperiment, type Experiment, type Run } from '@digitlab/train'
import { backend as tfjsBackend } from '@tensorflow/tfjs-core'
import { backendOf, type PageBackendId } from './backends'

/** What it is told. */
export interface Training {
  readonly experiment: Experiment
  readonly backend: PageBackendId
  readonly simd?: 'plain'
  readonly counts: readonly [train: number, test: number]
  readonly workers?: number | 'auto'
  /** Loses the device after so many steps, and then trains again, to the end. */
  readonly loseAfter?: number
  /** How the page is told of steps: by a message each. */
  readonly steps?: boolean
}

/** What it answers in the end. */
export interface Trained {
  readonly losses: readonly number[]
  readonly backend: Run['backend']
  readonly environment: Run['environment']
  readonly accuracy: number
  readonly lost?: string
}

/** Takes tfjs's device away, as a driver that starts again does. */
const lose = (): void => {
  const { device, gpgpu } = tfjsBackend() as unknown as {
    device?: { destroy(): void }
    gpgpu?: { gl: WebGL2RenderingContext }
  }
  device?.destroy()
  gpgpu?.gl.getExtension('WEBGL_lose_context')?.loseContext()
}

const train = async ({
  experiment,
  backend: id,
  simd,
  counts,
  workers,
  loseAfter,
  steps,
}: Training): Promise<Trained> => {
  const backend = backendOf(id, simd)
  const data = await strokes({ trainCount: counts[0], testCount: counts[1] })
  const spawn = () =>
    new Worker(new URL('./share-worker.ts', import.meta.url), { type: 'module', name: `${id} ${simd ?? 'auto'}` })
  const run = (onStep: (step: number) => void) =>
    runExperiment(experiment, {
      data,
      backend,
      ...(workers === undefined ? {} : { workers: { count: workers, most: 2, spawn } }),
      onProgress: (progress) => {
        if (progress.type !== 'step') return
        if (steps) postMessage({ step: progress.step, loss: progress.loss })
        onStep(progress.step)
      },
    })
  const lost =
    loseAfter === undefined
      ? undefined
      : await run((step) => step === loseAfter && lose()).then(
          () => 'the run ended as if nothing had happened',
          (error: Error) => `${error.name}: ${error.message}`,
        )
  const result = await run(() => {})
  const { history, backend: info, metrics } = result.run
  return {
    losses: history.stepLosses,
    backend: info,
    environment: environment(),
    accuracy: metrics.accuracy,
    ...(lost === undefined ? {} : { lost }),
  }
}

onmessage = ({ data }: MessageEvent<Training>) => {
  train(data).then(
    (trained) => postMessage({ trained }),
    (error: Error) => postMessage({ failed: `${error.name}: ${error.message}\n${error.stack}` }),
  )
}
