// What walk.test.ts calls in a page: runs cells in the site's own worker.
import type { CellOutput, FromKernel, ToKernel } from './protocol'

/** Runs cells one after the other. @returns what each shows @throws Error with the message of one that fails */
const run = (cells: readonly string[]): Promise<CellOutput[][]> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./kernel.ts', import.meta.url), { type: 'module' })
    const shown: CellOutput[][] = cells.map(() => [])
    const end = (settle: () => void) => {
      worker.terminate()
      settle()
    }
    worker.onmessage = ({ data }: MessageEvent<FromKernel>) => {
      if (data.type === 'failed') end(() => reject(new Error(`cell ${data.cell + 1}: ${data.message}`)))
      else if (data.type !== 'done') shown[data.cell]?.push(data)
      else if (data.cell === cells.length - 1) end(() => resolve(shown))
    }
    worker.onerror = ({ message }) => end(() => reject(new Error(message || 'the worker could not be loaded')))
    for (const [cell, code] of cells.entries()) worker.postMessage({ cell, code, width: 640 } satisfies ToKernel)
  })

const api = { run }
export type WalkPage = typeof api

Object.assign(globalThis, { digitlab: api })
