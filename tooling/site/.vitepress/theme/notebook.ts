// The cells of a page and the worker that runs them. Cells run from top to bottom: one brings those above it that have not run.
import { reactive } from 'vue'
import type { CellOutput, FromKernel, ToKernel } from '../../protocol'

/** A cell as it is shown. */
export interface Cell {
  code: string
  /** Of the column it stands in, in pixels. */
  width: number
  status: 'idle' | 'waiting' | 'done' | 'failed'
  outputs: CellOutput[]
  failure: string | undefined
}

/** The cells of the page that is open, from top to bottom. */
export const cells = reactive<Cell[]>([])

let kernel: Worker | undefined

const receive = ({ data }: MessageEvent<FromKernel>): void => {
  const cell = cells[data.cell]
  if (!cell) return
  if (data.type === 'done') cell.status = 'done'
  else if (data.type === 'failed') {
    fail(cell, data.message)
    for (const other of cells) if (other.status === 'waiting') other.status = 'idle'
    stop() // what waits behind it would run on without what it should have declared
  } else cell.outputs.push(data)
}

const fail = (cell: Cell, message: string): void => {
  cell.status = 'failed'
  cell.failure = message
}

const started = (): Worker => {
  if (kernel) return kernel
  kernel = new Worker(new URL('../../kernel.ts', import.meta.url), { type: 'module' })
  kernel.onmessage = receive
  kernel.onerror = ({ message }) => {
    const cell = cells.find(({ status }) => status === 'waiting')
    if (cell) fail(cell, message || 'the code of this page could not be loaded: check that you are online')
    stop()
  }
  return kernel
}

/** Runs a cell, and before it those above it that have not run. */
export const run = (last: number): void => {
  for (const [n, cell] of cells.entries()) {
    if (n > last) break
    if (cell.status === 'waiting' || (n < last && cell.status === 'done')) continue
    Object.assign(cell, { status: 'waiting', outputs: [], failure: undefined })
    started().postMessage({ cell: n, code: cell.code, width: cell.width } satisfies ToKernel)
  }
}

/** Ends the worker, and with it all that cells have declared. */
export const stop = (): void => {
  kernel?.terminate()
  kernel = undefined
  for (const cell of cells) if (cell.status !== 'failed') cell.status = 'idle'
}

/** Begins a page without cells. */
export const clear = (): void => {
  stop()
  cells.length = 0
}
