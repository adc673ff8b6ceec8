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

/** @type {(program: string, args: readonly string[]) => string} what it prints */
const run = (program, args) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${(stderr ?? '').trim()}`)
  return stdout
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
  const args = [
    'train',
    '--model',
    model,
    '--dataset',
    'mnist',
    '--data-dir',
    data,
    '--backend',
    'cuda',
    '--no-recipe',
    '--no-report',
    ...more,
  ]
  const printed = run(process.execPath, [
    join(here, 'digitlab.mjs'),
    ...args,
    '--epochs',
    epochs,
    '--out',
    folder,
    '--json',
  ])
  /** @type {{ run: { backend: { device: string }, history: { epochs: { trainSeconds: number }[] } } }} */
  const { run: trained } = JSON.parse(printed)
  return {
    device: trained.backend.device,
    seconds: trained.history.epochs.map((epoch) => epoch.trainSeconds),
  }
}

/**
 * A model, by whom, and how long.
 *
 * @typedef {[side: string, model: string, measured: Measured]} Turn
 */

/** @type {() => Turn[]} every model in both of PyTorch's loops */
const torch = () =>
  run('python3', [join(here, 'torch_gpu.py'), names, epochs, data, join(here, 'models.json')])
    .trim()
    .split('\n')
    .map((line) => {
      /** @type {{ torch: string, device: string, model: string, loop: string, secondsPerEpoch: number[] }} */
      const { torch: version, device, model, loop, secondsPerEpoch } = JSON.parse(line)
      const side = loop === 'eager' ? 'PyTorch eager' : 'PyTorch CUDA graph'
      return [side, model, { device: `${device}, PyTorch ${version}`, seconds: secondsPerEpoch }]
    })

const sees = spawnSync('python3', ['-c', 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)'])
if (sees.status !== 0) console.error('python3 has no PyTorch that sees the GPU: it is left out')
const models = names.split(' ')
/** @type {Record<string, { device: string, models: Record<string, number[]>, failed?: string }>} */
const found = {}
/** @type {(side: string, measure: () => Turn[]) => void} */
const turn = (side, measure) => {
  console.error(side)
  try {
    for (const [of, model, { device, seconds }] of measure()) {
      const entry = (found[of] ??= { device, models: {} })
      ;(entry.models[model] ??= []).push(...seconds.slice(1)) // the first epoch warms up
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    console.error(`  ${why}`)
    ;(found[side] ??= { device: '', models: {} }).failed = why
  }
}
for (let round = 1; round <= Number(rounds); round++) {
  for (const model of models) turn('digitlab', () => [['digitlab', model, ours(model)]])
  if (sees.status === 0) turn('PyTorch', torch)
  for (const model of models) turn('digitlab, TF32', () => [['digitlab, TF32', model, ours(model, ['--tf32'])]])
  // What was measured is kept, should a later round be ended.
  writeFileSync(join(out, 'speed.json'), `${JSON.stringify({ rounds: String(round), epochs, found }, null, 2)}\n`)
}

/** @type {(values: readonly number[], share: number) => number} */
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN
/** @type {(values?: readonly number[]) => string} */
const cell = (values) =>
  values?.length
    ? `${quantile(values, 0.5).toFixed(4)} (${quantile(values, 0).toFixed(4)} - ${quantile(values, 1).toFixed(4)})`
    : '-'
const columns = Object.keys(found)
/** @type {(side: string, model: string) => string} how many times as long as digitlab, float32 beside float32 */
const ratio = (side, model) => {
  const [theirs, mine] = [found[side]?.models[model], found['digitlab']?.models[model]]
  return theirs?.length && mine?.length ? `${(quantile(theirs, 0.5) / quantile(mine, 0.5)).toFixed(1)}` : '-'
}
const peers = columns.filter((side) => side.startsWith('PyTorch'))
const table = [
  ['seconds per epoch', ...columns, ...peers.map((side) => `${side} / digitlab`)],
  ...models.map((model) => [
    model,
    ...columns.map((side) => cell(found[side]?.models[model])),
    ...peers.map((side) => ratio(side, model)),
  ]),
]
const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)))
const text = [
  `batch 64, ${rounds} rounds of ${epochs} epochs taking turns, the first of each left out: median (least - most)`,
  ...[...new Set(Object.values(found).map(({ device }) => device))].filter(Boolean),
  '',
  ...table.map((row) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  '),
  ),
].join('\n')
console.log(text)
writeFileSync(join(out, 'speed.txt'), `${text}\n`)
rmSync(join(out, 'speed-run'), { recursive: true, force: true })
const failed = Object.entries(found).filter(([side, { failed }]) => failed && side.startsWith('digitlab'))
process.exitCode = failed.length > 0 ? 1 : 0
