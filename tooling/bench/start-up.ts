// How soon the command is there: its version, its help, the first line of a training and its first step, with the data at hand.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Seconds from the start of the process, a round each. */
export interface StartUpFigures {
  readonly what: string
  readonly seconds: readonly number[]
}

const command = fileURLToPath(new URL('../../apps/cli/bin/digitlab.js', import.meta.url))

/** When each of some words was first said, on either output, in seconds from the start. The process is ended with the last. */
const heard = async (args: readonly string[], words: readonly RegExp[], cwd: string): Promise<number[]> => {
  const from = performance.now()
  const child = spawn(process.execPath, [command, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const at: number[] = []
  let said = ''
  const listen = (text: string) => {
    said += text
    for (const [i, word] of words.entries())
      if (at[i] === undefined && word.test(said)) at[i] = (performance.now() - from) / 1000
    if (at.filter(Number.isFinite).length === words.length) child.kill('SIGKILL')
  }
  child.stdout.setEncoding('utf8').on('data', listen)
  child.stderr.setEncoding('utf8').on('data', listen)
  await new Promise((resolve) => child.once('close', resolve))
  if (at.filter(Number.isFinite).length === words.length) return at
  throw new Error(`digitlab ${args.join(' ')} was expected to say ${words.join(' and ')}: ${said.slice(-300)}`)
}

/** Starts the command again and again; the first round, in which the disk is read, does not count. */
export const measureStartUp = async (
  models: readonly string[],
  { data, temporary }: { readonly data: string; readonly temporary: string },
  { rounds, say }: { readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<StartUpFigures[]> => {
  const found = new Map<string, number[]>()
  for (let round = 0; round <= rounds; round++) {
    const folder = await mkdtemp(join(temporary, 'start-'))
    const put = (what: string, seconds: number | undefined) => {
      if (round > 0) found.set(what, [...(found.get(what) ?? []), seconds ?? NaN])
    }
    put('digitlab --version', (await heard(['--version'], [/\n/], folder))[0])
    put('digitlab --help', (await heard(['--help'], [/\n/], folder))[0])
    put('digitlab help train', (await heard(['help', 'train'], [/\n/], folder))[0])
    for (const model of models) {
      const args = ['train', model, '--data-dir', data, '--log-every', '1', '--no-report']
      const [line, step] = await heard(args, [/\n/, /step 1\//], folder)
      put(`digitlab train ${model}: first line`, line)
      put(`digitlab train ${model}: first step`, step)
    }
    await rm(folder, { recursive: true, force: true })
  }
  say(`start-up: ${rounds} rounds`)
  return [...found].map(([what, seconds]) => ({ what, seconds }))
}
