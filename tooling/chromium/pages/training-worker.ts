// A worker that trains, as a page's would, on several threads where it is told so.
import { strokes } from '@digitlab/data'
import { environment, runExperiment, type Environment, type Experiment, type Run } from '@digitlab/train'
import { backend as tfjsBackend } from '@tensorflow/tfjs-core'
import { backendOf, type PageBackendId } from './backends'

/** What it is told. */
export interface Training {
  /** One after another, on the same tfjs. */
  readonly experiments: readonly Experiment[]
  readonly backend: PageBackendId
  readonly simd?: 'plain'
  readonly counts: readonly [train: number, test: number]
  readonly workers?: number | 'auto'
  /** Comes before them, and loses the device after so many steps. */
  readonly losing?: { readonly experiment: Experiment; readonly after: number }
}

/** What it answers in the end. */
export interface Trained {
  readonly runs: readonly Run[]
  readonly environment: Environment
  /** How a run ended whose device was lost. */
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

const train = async (training: Training): Promise<Trained> => {
  const { experiments, backend: id, simd, counts, workers, losing } = training
  const backend = backendOf(id, simd)
  const data = await strokes({ trainCount: counts[0], testCount: counts[1] })
  const run = async (experiment: Experiment, onStep: (step: number) => void = () => {}) => {
    const { run } = await runExperiment(experiment, {
      data,
      backend,
      ...(workers === undefined ? {} : { workers }),
      onProgress: (progress) => progress.type === 'step' && onStep(progress.step),
    })
    return run
  }
  const lost =
    losing === undefined
      ? undefined
      : await run(losing.experiment, (step) => step === losing.after && lose()).then(
          () => 'the run ended as if nothing had happened',
          (error: Error) => `${error.name}: ${error.message}`,
        )
  const runs: Run[] = []
  for (const experiment of experiments) runs.push(await run(experiment))
  return { runs, environment: environment(), ...(lost === undefined ? {} : { lost }) }
}

onmessage = ({ data }: MessageEvent<Training>) => {
  train(data).then(
    (trained) => postMessage({ trained }),
    (error: Error) => postMessage({ failed: `${error.name}: ${error.message}\n${error.stack}` }),
  )
}
