// Writes what gpu.sh found on a GPU machine into the README: npx tsx tooling/gpu/publish.ts FOLDER_OF_RESULTS
// A file resumed.json beside the rest ({ commit, models }) tells of runs that were killed and resumed another time.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatted, writeMarkedPart } from '../packages/marked-part'
import { gpuTable, type GpuResult } from './table'

const root = fileURLToPath(new URL('../..', import.meta.url))
const [folder] = process.argv.slice(2)
if (folder === undefined || !existsSync(join(folder, 'speed.json'))) {
  console.error('usage: npx tsx tooling/gpu/publish.ts FOLDER, with what gpu.sh wrote: its speed.json among it')
  process.exit(2)
}

const text = (file: string) => readFileSync(join(folder, file), 'utf8').trim()
const json = (file: string) => JSON.parse(text(file)) as unknown

/** Each check: whether it held, its name, the last line of what it said. */
const checks = readdirSync(join(folder, 'logs'))
  .filter((file) => file.endsWith('.held'))
  .map((file) => {
    const [held = '', name = '', said = ''] = text(join('logs', file)).split('  ')
    return { held: held === 'pass', name, said }
  })
const saidBy = (check: string) => checks.find(({ name }) => name === check)?.said ?? ''
/** What tells of speed rather than of correctness. */
const isMeasured = (name: string) => /^(speed|comparison$|recipe|kernels)/.test(name)

const { rounds, epochs, found } = json('speed.json') as {
  readonly rounds: string
  readonly epochs: string
  readonly found: Readonly<Record<string, { readonly device: string; readonly models: GpuResult['seconds'][string] }>>
}
const { commit, date, node } = json('packed.json') as Pick<GpuResult, 'commit' | 'date' | 'node'>
const [gpu = '', driver = ''] = (text('gpu.txt').split('\n')[0] ?? '').split(', ')
const result: GpuResult = {
  ...{ gpu, driver, processor: text('processor.txt'), node: node.replace(/^v/, ''), commit, date },
  torch: /PyTorch (\S+)/.exec(found['PyTorch eager']?.device ?? '')?.[1] ?? null,
  ...{ rounds: Number(rounds), epochs: Number(epochs) },
  seconds: Object.fromEntries(Object.entries(found).map(([side, { models }]) => [side, models])),
  comparison: saidBy('comparison'),
  recipes: Object.fromEntries(
    checks.filter(({ name }) => name.startsWith('recipe ')).map(({ name, said }) => [name.slice(7), said]),
  ),
  ...(existsSync(join(folder, 'resumed.json')) && {
    resumed: json('resumed.json') as NonNullable<GpuResult['resumed']>,
  }),
  checks: checks.filter(({ name }) => !isMeasured(name)).map(({ name, held }) => ({ name, held })),
}
const path = join(root, 'tooling/gpu/results.json')
writeFileSync(path, await formatted(JSON.stringify(result), 'json'))
await writeMarkedPart(join(root, 'README.md'), 'gpu', 'npx tsx tooling/gpu/publish.ts', gpuTable(result))
