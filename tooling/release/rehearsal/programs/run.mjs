// @ts-check
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun, readCheckpoint, readRunWeights } from '@digitlab/train'

const read = (/** @type {string} */ name) => readFile(join(process.argv[2] ?? '', name))
const run = parseRun((await read('run.json')).toString('utf8'))
const weights = readRunWeights(await read('weights.safetensors'), run)
const { experiment, epoch, step } = await readCheckpoint(await read('checkpoint.safetensors'))
console.log(
  JSON.stringify({ id: run.id, arrays: weights.size, experiment: run.experiment, resumed: experiment, epoch, step }),
)
