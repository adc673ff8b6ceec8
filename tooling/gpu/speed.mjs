// @ts-check
// Seconds per epoch of the three models on the GPU, ours and PyTorch's, taking turns: the table behind the README's figures.
// node speed.mjs FOLDER_OF_MNIST OUT [ROUNDS [EPOCHS [MODELS]]]; PyTorch is left out where python3 has none that sees the GPU.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const [data, out, rounds = '3', epochs = '6', names = 'linear two-layer cnn'] = process.argv.slice(2)
if (!data || !out) {
  console.error('usage: node speed.mjs FOLDER_OF_MNIST OUT [ROUNDS [EPOCHS [MODELS]]]')
  process.exit(2)
}

/** @type {(program: string, args: readonly string[]) => any} what it prints, as JSON */
const run = (program, args) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${(stderr ?? '').trim()}`)
  return JSON.parse(stdout)
}

/**
 * What one measurement says.
 *
 * @typedef {{ device: string, seconds: number[] }} Measured
 */

/** @type {(model: string, more?: readonly string[]) => Measured} */
const ours = (model, more = []) => {
  const folder = join(out, 'speed-run')
  rmSync(folder, { recursive: true, force: true })
  const args = ['train', '--model', model, '--dataset', 'mnist', '--data-dir', data, '--backend', 'cuda', ...more]
  const document = run(process.execPath, [
    join(here, 'digitlab.mjs'),
    ...args,
    '--epochs',
    epochs,
    '--out',
    folder,
    '--json',
  ])
  return {
    device: document.run.backend.device,
    seconds: document.run.history.epochs.map((/** @type {{ trainSeconds: number }} */ epoch) => epoch.trainSeconds),
  }
}
/** @type {(model: string, loop: string) => Measured} */
const torch = (model, loop) => {
  const {
    device,
    secondsPerEpoch,
    torch: version,
  } = run('python3', [join(here, 'torch_gpu.py'), model, loop, epochs, data])
  return { device: `${device}, PyTorch ${version}`, seconds: secondsPerEpoch }
}

const sees = spawnSync('python3', ['-c', 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)'])
/** @type {Readonly<Record<string, (model: string) => Measured>>} */
const sides = {
  digitlab: (model) => ours(model),
  'digitlab, TF32': (model) => ours(model, ['--tf32']),
  ...(sees.status === 0
    ? { 'PyTorch eager': (model) => torch(model, 'eager'), 'PyTorch CUDA graph': (model) => torch(model, 'graph') }
    : {}),
}
if (sees.status !== 0) console.error('python3 has no PyTorch that sees the GPU: it is left out')

const models = names.split(' ')
/** @type {Record<string, { device: string, models: Record<string, number[]>, failed?: string }>} */
const found = {}
for (let round = 1; round <= Number(rounds); round++)
  for (const model of models)
    for (const [side, measure] of Object.entries(sides)) {
      console.error(`round ${round}: ${model}, ${side}`)
      try {
        const { device, seconds } = measure(model)
        const entry = (found[side] ??= { device, models: {} })
        ;(entry.models[model] ??= []).push(...seconds.slice(1)) // the first epoch warms up
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        console.error(`  ${why}`)
        ;(found[side] ??= { device: '', models: {} }).failed = why
      }
    }

/** @type {(values: readonly number[], share: number) => number} */
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN
/** @type {(values?: readonly number[]) => string} */
const cell = (values) =>
  values?.length
    ? `${quantile(values, 0.5).toFixed(4)} (${quantile(values, 0).toFixed(4)} - ${quantile(values, 1).toFixed(4)})`
    : '-'
const rows = Object.entries(found).map(([side, { models: of }]) => [side, ...models.map((model) => cell(of[model]))])
const ratios = Object.keys(found)
  .filter((side) => side.startsWith('PyTorch'))
  .map((side) => [
    `${side} / digitlab`,
    ...models.map((model) => {
      const [theirs, mine] = [found[side]?.models[model], found['digitlab']?.models[model]]
      return theirs?.length && mine?.length ? `${(quantile(theirs, 0.5) / quantile(mine, 0.5)).toFixed(1)}x` : '-'
    }),
  ])
const table = [['seconds per epoch', ...models], ...rows, ...ratios]
const text = [
  `batch 64, ${rounds} rounds of ${epochs} epochs taking turns, the first of each left out: median (least - most)`,
  ...[...new Set(Object.values(found).map(({ device }) => device))].filter(Boolean),
  '',
  ...table.map((row) => row.map((text, i) => (i === 0 ? text.padEnd(30) : text.padStart(26))).join('')),
].join('\n')
console.log(text)
writeFileSync(join(out, 'speed.txt'), `${text}\n`)
writeFileSync(join(out, 'speed.json'), `${JSON.stringify({ rounds, epochs, found }, null, 2)}\n`)
rmSync(join(out, 'speed-run'), { recursive: true, force: true })
const failed = Object.entries(found).filter(([side, { failed }]) => failed && side.startsWith('digitlab'))
process.exitCode = failed.length > 0 ? 1 : 0
