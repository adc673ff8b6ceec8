// @ts-check
// onnxruntime-node: the test images evaluated in batches of 500, or one image once.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { answer, task, turn } from './protocol.mjs'

/** @type {{ InferenceSession: any, Tensor: any }} */
const { InferenceSession, Tensor } = createRequire(join(task.onnxruntime ?? '', 'index.js'))('onnxruntime-node')
const session = await InferenceSession.create(task.onnx, { intraOpNumThreads: task.threads })
/** @type {(pixels: Float32Array) => Promise<number[]>} */
const classes = async (pixels) => {
  const count = pixels.length / 784
  const input = new Tensor('float32', pixels, [count, 1, 28, 28])
  const output = await session.run({ [session.inputNames[0]]: input })
  /** @type {Float32Array} */
  const logits = output[session.outputNames[0]].data
  return Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(10 * i, 10 * i + 10)
    return row.indexOf(Math.max(...row))
  })
}
if (task.once) {
  const bytes = await readFile(task.picture ?? '')
  console.log(String((await classes(Float32Array.from(bytes, (byte) => byte / 255)))[0]))
} else {
  const { loadDataset } = await import('@digitlab/data/node')
  const { test } = await loadDataset('mnist', { folder: task.data })
  const pixels = Float32Array.from(test.images, (byte) => byte / 255)
  while (turn()) {
    const from = performance.now()
    let right = 0
    for (let at = 0; at < test.count; at += 500)
      for (const [i, digit] of (await classes(pixels.subarray(at * 784, (at + 500) * 784))).entries())
        right += Number(digit === test.labels[at + i])
    answer({ seconds: (performance.now() - from) / 1000, right })
  }
}
