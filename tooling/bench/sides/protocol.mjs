// @ts-check
// A side is a process that trains when it is told to, so that many can take turns: it reads a line of JSON, what the turn is, and answers
// one, until its input ends.
import { readSync, writeSync } from 'node:fs'

/**
 * What the side is to do.
 *
 * @type {{
 *   readonly model: 'linear' | 'two-layer' | 'cnn'
 *   readonly batchSize: number
 *   readonly data: string
 *   readonly backend: string
 *   readonly workers: number
 *   readonly steps?: number
 *   readonly wasmFolder?: string
 *   readonly experiment: import('@digitlab/train').Experiment
 *   readonly firstSeed: number
 *   readonly images?: number
 *   readonly count?: number
 *   readonly onnxruntime?: string
 *   readonly onnx?: string
 *   readonly picture?: string
 *   readonly threads?: number
 *   readonly once?: boolean
 * }}
 */
export const task = JSON.parse(process.argv[2] ?? '{}')

const input = { text: '' }
const piece = new Uint8Array(4096)

/**
 * Waits, with the thread, for the next turn.
 *
 * @returns {import('../side').Turn | undefined} undefined where there is none
 */
export const turn = () => {
  for (;;) {
    const end = input.text.indexOf('\n')
    if (end >= 0) {
      const line = input.text.slice(0, end)
      input.text = input.text.slice(end + 1)
      return JSON.parse(line)
    }
    let count
    try {
      count = readSync(0, piece)
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      continue
    }
    if (count === 0) return undefined
    input.text += new TextDecoder().decode(piece.subarray(0, count))
  }
}

export const answer = (/** @type {object} */ message) => {
  const peakBytes = process.resourceUsage().maxRSS * 1024
  writeSync(1, `${JSON.stringify({ ...message, peakBytes })}\n`)
}
