// The worker that runs the walk's cells: the packages as anybody has them, on WebAssembly.
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import { createNotebook } from './cells'
import type { FromKernel, ToKernel } from './protocol'
import { textOf } from './text-of'

const notebook = createNotebook({
  '@digitlab/backend-wasm': async () => {
    const own = await import('@digitlab/backend-wasm')
    // Where the bundler has put tfjs's file: the one thing that a page must say and Node need not.
    const wasmBackend: typeof own.wasmBackend = (options) =>
      own.wasmBackend({ wasmUrl: new URL(wasmUrl, import.meta.url).href, ...options })
    return { ...own, wasmBackend }
  },
  '@digitlab/data': () => import('@digitlab/data'),
  '@digitlab/data/web': () => import('@digitlab/data/web'),
  '@digitlab/models': () => import('@digitlab/models'),
  '@digitlab/models/compute': () => import('@digitlab/models/compute'),
  '@digitlab/random': () => import('@digitlab/random'),
  '@digitlab/report': () => import('@digitlab/report'),
  '@digitlab/report/figures': () => import('@digitlab/report/figures'),
  '@digitlab/train': () => import('@digitlab/train'),
  '@digitlab/weights': () => import('@digitlab/weights'),
  '@tensorflow/tfjs-core': () => import('@tensorflow/tfjs-core'),
})

const post = (message: FromKernel): void => globalThis.postMessage(message)

const isFigure = (value: unknown): value is { svg: string; alt: string } =>
  typeof value === 'object' && value !== null && 'svg' in value && typeof value.svg === 'string' && 'alt' in value

/** One cell after the other. */
let running: Promise<void> = Promise.resolve()

globalThis.onmessage = ({ data: { cell, code, width } }: MessageEvent<ToKernel>) => {
  const output = {
    width,
    log: (...values: readonly unknown[]) =>
      post({ cell, type: 'text', text: values.map((value) => textOf(value)).join(' ') }),
    display: (value: unknown) =>
      isFigure(value)
        ? post({ cell, type: 'figure', svg: value.svg, alt: value.alt })
        : post({ cell, type: 'text', text: textOf(value) }),
  }
  running = running.then(() =>
    notebook.run(code, output).then(
      () => post({ cell, type: 'done' }),
      (error: unknown) => post({ cell, type: 'failed', message: textOf(error) }),
    ),
  )
}
