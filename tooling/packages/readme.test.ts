// Every block of code in the README of a package and of the repository, and in what that leads to first, as it stands: run outside the workspace on the
// packages as they are packed.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { gridPng, imageGrid } from '@digitlab/report'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeConsumer, type Consumer } from './consumer'
import { publishedPackages, root } from './published'
import { printedOf, samplesOf, wasPrinted, type Sample } from './readme-blocks'

let consumer: Consumer | undefined
beforeAll(async () => {
  consumer = await makeConsumer()
  await writeDigits(join(consumer.folder, 'digits'))
}, 300_000)
afterAll(() => consumer?.remove())

/** MNIST's four files, drawn by digitlab and few: the commands are the README's, the minutes need not be. */
const writeDigits = async (folder: string): Promise<void> => {
  const { train, test } = await strokes({ trainCount: 256, testCount: 64 })
  await mkdir(folder)
  for (const [name, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    const files = {
      [`${name}-images-idx3-ubyte`]: writeIdx({ type: 'uint8', shape: [count, 28, 28], data: images }),
      [`${name}-labels-idx1-ubyte`]: writeIdx({ type: 'uint8', shape: [count], data: labels }),
    }
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes)
  }
}

/** Files that a README's commands take: a picture of a digit, a model of one's own, and digits as Kaggle gives them. */
const writeInputs = async (folder: string): Promise<void> => {
  const { test } = await strokes({ trainCount: 1, testCount: 1 })
  const grid = imageGrid(test.images, { height: 28, width: 28, scale: 3 })
  await writeFile(join(folder, 'digit.png'), gridPng(grid))
  const { train } = await strokes({ trainCount: 200, testCount: 1 })
  const header = ['label', ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)]
  const rows = Array.from(train.labels, (label, i) => [label, ...train.images.subarray(i * 784, (i + 1) * 784)])
  await writeFile(join(folder, 'train.csv'), [header, ...rows].map((row) => row.join(',')).join('\n'))
  const layers = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 10 }]
  await writeFile(join(folder, 'mine.json'), JSON.stringify({ name: 'mine', input: [28, 28, 1], layers }))
}

/** What is only more of the same runs where all is asked for: 60,000 strokes, each model that is compared, every case of conformance. */
const everything = process.env['DIGITLAB_ALL'] === '1'

/** Commands that train or read a data set get few digits, and once, where their line does not say it; no browser opens. */
const shortened = (args: readonly string[], digits: string): string[] => {
  const [command = '', subcommand] = args
  if (command === 'serve') return [...args.filter((arg) => arg !== '--open'), '--port', '0']
  const own = everything
    ? args
    : args.map((arg, i) => (arg === 'strokes' && args[i - 1] === '--dataset' ? digits : arg))
  const trains = ['train', 'compare', 'parity'].includes(command)
  const sweeps = command === 'sweep' && subcommand?.startsWith('--') === true && !everything
  const data = (trains || sweeps || command === 'show') && !args.includes('--dataset')
  const epochs = trains && !args.includes('--resume')
  const models = command === 'compare' && !args.includes('--models') && !everything
  return [
    ...own,
    ...(data ? ['--dataset', digits] : []),
    ...(epochs ? ['--epochs', '1'] : []),
    ...(models ? ['--models', 'linear'] : []),
  ]
}

/** A program that takes minutes, on fewer strokes or cases. */
const shortenedProgram = (code: string): string =>
  everything
    ? code
    : code
        .replaceAll(
          "loadDataset('strokes')",
          "import('@digitlab/data').then(({ strokes }) => strokes({ trainCount: 2560, testCount: 256 }))",
        )
        .replaceAll('of conformanceCases()', 'of conformanceCases().filter((_, i) => i % 10 === 0)')

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly all: string
}

/** Runs Node to its end; what goes on until it is stopped is stopped when it has said `last`. */
const node = (cwd: string, args: readonly string[], last?: RegExp): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const cache = join((consumer as Consumer).folder, 'cache')
    const nothing = {
      DIGITLAB_DATA: '',
      DIGITLAB_CACHE: cache,
      DIGITLAB_MIRROR: 'http://127.0.0.1:2',
      NODE_OPTIONS: '',
    }
    const env = { ...process.env, ...nothing }
    const child = spawn(process.execPath, args, { cwd, env, timeout: 280_000 })
    let [out, all] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      all += chunk.toString()
      if (last?.test(out)) child.kill('SIGTERM')
    })
    child.stderr.on('data', (chunk: Buffer) => (all += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, all }))
  })

/** Runs command lines one after another as each would be run in a process of its own, which has to end by itself behind the last. */
const oneAfterAnother = (bin: string, lines: readonly (readonly string[])[]): string => `
const { main } = await import(${JSON.stringify(new URL('../dist/main.js', pathToFileURL(bin)).href)})
for (const args of ${JSON.stringify(lines)}) {
  process.argv = [process.execPath, ${JSON.stringify(bin)}, ...args]
  process.exitCode = await main(args)
  if (process.exitCode !== 0) {
    console.error('after: digitlab ' + args.join(' '))
    break
  }
}`

/** Runs commands in their order: by default what ends by itself in one process, which has loaded then what the next one needs. */
const run = async (cwd: string, commands: readonly (readonly string[])[]): Promise<void> => {
  const { folder } = consumer as Consumer
  const bin = join(folder, 'node_modules', 'digitlab', 'bin', 'digitlab.js')
  const lines = commands.map((args) => shortened(args, join(folder, 'digits')))
  const ends = everything ? [] : lines.filter(([command]) => command !== 'serve')
  const expectSuccess = ({ code, all }: Ended, what: string) =>
    expect({ code, ...(code === 0 ? {} : { all }) }, what).toEqual({ code: 0 })
  if (ends.length > 0) {
    const program = join(cwd, 'commands.mjs')
    writeFileSync(program, oneAfterAnother(bin, ends))
    expectSuccess(await node(cwd, [program]), 'the commands')
  }
  for (const args of lines.filter((line) => !ends.includes(line))) {
    const last = args[0] === 'serve' ? /http:\/\/localhost:\d+/ : undefined
    expectSuccess(await node(cwd, [bin, ...args], last), `npx digitlab ${args.join(' ')}`)
  }
}

const documents = ['README.md', 'docs/command.md', 'docs/page.md']
const readmes = [...documents, ...publishedPackages().map(({ path }) => join(path, 'README.md'))].map((readme) => ({
  readme,
  samples: samplesOf(readFileSync(join(root, readme), 'utf8'), readme),
}))

/** A command that two READMEs have is run for the first of them. */
const isFirst = (readme: string, command: readonly string[]): boolean => {
  const has = (sample: Sample) =>
    sample.kind === 'commands' && sample.commands.some((other) => other.join(' ') === command.join(' '))
  return readmes.find(({ samples }) => samples.some(has))?.readme === readme
}

describe.concurrent.each(readmes)('$readme', ({ readme, samples }) => {
  for (const [i, sample] of samples.entries())
    test(`line ${sample.line}`, { timeout: 300_000 }, async ({ skip, expect }) => {
      if (sample.kind === 'not run') return skip(sample.reason)
      const folder = join((consumer as Consumer).folder, readme.replace(/\W+/g, '-'), String(i))
      mkdirSync(folder, { recursive: true })
      if (sample.kind === 'commands') {
        await writeInputs(folder)
        await run(
          folder,
          sample.commands.filter((command) => isFirst(readme, command)),
        )
        return
      }
      for (const [name, code] of [...sample.files, ['program.js', shortenedProgram(sample.code)]] as const)
        writeFileSync(join(folder, name), code)
      if (sample.code.includes('runs/first')) await run(folder, [['train', '--model', 'linear', '--out', 'runs/first']])
      const { code, out, all } = await node(folder, ['program.js'])
      expect({ code, ...(code === 0 ? {} : { all }) }).toEqual({ code: 0 })
      for (const said of printedOf(sample.code))
        expect(wasPrinted(said, out), `the README says it prints "${said}", it printed "${out}"`).toBe(true)
    })
})
