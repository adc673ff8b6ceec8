// What released versions wrote is read by this one: a run's files, and a checkpoint from which it goes on. Each version leaves its own:
// DIGITLAB_RELEASED=0.2.0 npx vitest run packages/train/src/released.test.ts
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineModel } from '@digitlab/models'
import { describe, expect, test } from 'vitest'
import {
  parseRun,
  predictionsFile,
  readCheckpoint,
  readPredictions,
  readRunWeights,
  runExperiment,
  runFiles,
  writeCheckpoint,
  type RunResult,
} from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'

const released = fileURLToPath(new URL('../released', import.meta.url))
const data = tiny(50, 9)
const experiment = () =>
  tinyExperiment({
    ...{ epochs: 3, optimizer: { name: 'adam' }, schedule: { name: 'cosine' }, validation: { size: 0.2 } },
    ...{ labelSmoothing: 0.1, normalize: { mean: 0.1, std: 0.3 } },
  })

/** A run, and where it stood in its second epoch. */
const run = async (): Promise<{ result: RunResult; middle: Uint8Array }> => {
  let middle: Uint8Array = new Uint8Array()
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) => {
    if (checkpoint.epoch === 2 && checkpoint.step > 0) middle = await writeCheckpoint(checkpoint)
  }
  const result = await runExperiment(experiment(), {
    data,
    backend: stock(),
    checkpoint: { every: { steps: 7 }, save },
  })
  return { result, middle }
}

const version = process.env['DIGITLAB_RELEASED']
if (version !== undefined) {
  const { result, middle } = await run()
  const folder = join(released, version)
  await mkdir(folder, { recursive: true })
  for (const [name, content] of Object.entries(runFiles(result, data.test.labels)))
    await writeFile(join(folder, name), content)
  await writeFile(join(folder, 'checkpoint.safetensors'), middle)
}

const versions = await readdir(released)

test('there is what the first version wrote', () => expect(versions).toContain('0.1.0'))

describe.each(versions)('of %s', (version) => {
  const read = (name: string) => readFile(join(released, version, name))

  test('run.json, weights and predictions are read, and are of one run', async () => {
    const run = parseRun((await read('run.json')).toString('utf8'))
    expect(run).toMatchObject({
      status: 'completed',
      experiment: { model: 'two-layer', epochs: 3, labelSmoothing: 0.1 },
    })
    expect(run.history.epochs).toHaveLength(3)
    const { parameters } = defineModel(run.model.definition)
    const weights = readRunWeights(await read('weights.safetensors'), run)
    expect([...weights].map(([name, { shape }]) => ({ name, shape }))).toEqual(
      parameters.map(({ name, shape }) => ({ name, shape })),
    )
    expect([...readPredictions(await read(predictionsFile), run).labels]).toEqual([...data.test.labels])
  })

  test('its checkpoint is gone on with to the same end', async () => {
    const then = parseRun((await read('run.json')).toString('utf8'))
    const weights = readRunWeights(await read('weights.safetensors'), then)
    const resume = await readCheckpoint(await read('checkpoint.safetensors'))
    expect([resume.epoch, resume.step > 0], 'the middle of its second epoch').toEqual([2, true])
    const result = await runExperiment(then.experiment, { data, backend: stock(), resume })
    expect(result.run.id).toBe(then.id)
    expect(result.run.history.stepLosses).toHaveLength(then.history.stepLosses.length)
    // The exponential function is the engine's: another version of Node may round it otherwise.
    for (const [name, { data }] of weights)
      result.weights.get(name)?.data.forEach((value, i) => expect(value, name).toBeCloseTo(data[i] ?? NaN, 5))
  })
})
