// A run whose weights count batches is read again as any other, and every file of it says the same of the test images.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'
import { runHere } from './testing/in-process'

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('counts', { trainCount: 200, testCount: 40 })
})
afterAll(() => place.remove())

const answer = async (...args: string[]): Promise<unknown> => {
  const { code, out, err } = await runHere(place.folder, [...args, '--json'], {})
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

test('batch normalization goes from a run into every format and back', async () => {
  const backend = ['--backend', 'cpu']
  await answer('train', '--model', 'sprint', '--dataset', 'digits', '--no-report', '--out', 'run', ...backend)
  const of = async (weights: string) => {
    const { metrics } = (await answer('evaluate', weights, '--dataset', 'digits', ...backend)) as {
      metrics: { accuracy: number; meanLoss: number }
    }
    return metrics
  }
  const { accuracy, meanLoss } = await of('run')
  for (const file of ['sprint.pth', 'sprint.safetensors', 'sprint.onnx']) {
    await answer('convert', 'run', join('files', file))
    const metrics = await of(join('files', file))
    expect(metrics.accuracy, file).toBe(accuracy)
    expect(Math.abs(metrics.meanLoss - meanLoss), file).toBeLessThan(1e-5)
  }
})
