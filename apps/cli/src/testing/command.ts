// The built command, as a user runs it, on a small data set in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { bin, runHere } from './in-process'

export { bin }

/** What became of a command. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** A command that has not ended; one that runs in this process is called `running` where it is sent a signal (tooling/vitest/processes.ts). */
export interface Running {
  /** @returns whether the signal reached it */
  kill(signal?: 'SIGINT' | 'SIGTERM'): boolean
}

interface HereOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Told whenever something comes on standard error, with all that came so far. */
  readonly onErr?: (err: string, running: Running) => void
}

interface RunOptions extends HereOptions {
  readonly onStart?: (child: ChildProcess) => void
  readonly stdout?: 'pipe' | number
  /** Whose process it is, where this one's is root's. */
  readonly uid?: number
}

/** A folder to run commands in, without MNIST and without a mirror that answers. */
export interface Workplace {
  readonly folder: string
  /** What keeps commands from MNIST and from mirrors. */
  readonly environment: Readonly<Record<string, string>>
  digitlab(args: readonly string[], options?: RunOptions): Promise<Ended>
  /** The same within this process, one at a time: for what a command says and writes. Its signals come at once. */
  here(args: readonly string[], options?: HereOptions): Promise<Omit<Ended, 'signal'>>
  /** {@link here}, or in a process of its own each where `npm test -- --all` asks for everything. */
  command(args: readonly string[], options?: HereOptions): Promise<Omit<Ended, 'signal'>>
  remove(): Promise<void>
}

/** Writes digits of `strokes` as the four IDX files of a data set. */
const writeDigits = async (
  folder: string,
  counts: { readonly trainCount: number; readonly testCount: number },
): Promise<void> => {
  await mkdir(folder, { recursive: true })
  const { train, test } = await strokes(counts)
  for (const [part, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    const write = (file: string, shape: number[], data: Uint8Array) =>
      writeFile(join(folder, `${part}-${file}-ubyte`), writeIdx({ type: 'uint8', shape, data }))
    await write('images-idx3', [count, 28, 28], images)
    await write('labels-idx1', [count], labels)
  }
}

const everything = process.env['DIGITLAB_ALL'] === '1'

/** A new workplace. @param digits makes a data set `digits` in it */
export const makeWorkplace = async (
  name: string,
  digits?: { readonly trainCount: number; readonly testCount: number },
): Promise<Workplace> => {
  const folder = await mkdtemp(join(tmpdir(), `digitlab-${name}-`))
  if (digits) await writeDigits(join(folder, 'digits'), digits)
  const environment = {
    DIGITLAB_DATA: '',
    DIGITLAB_CACHE: join(folder, 'cache'),
    DIGITLAB_MIRROR: 'http://127.0.0.1:2',
  }
  const here: Workplace['here'] = (args, { env = {}, onErr } = {}) =>
    runHere(folder, args, { ...environment, ...env }, onErr)
  const digitlab: Workplace['digitlab'] = (args, { env = {}, onStart, onErr, stdout = 'pipe', uid } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [bin, ...args], {
        cwd: folder,
        ...(uid === undefined ? {} : { uid, gid: uid }),
        stdio: ['ignore', stdout, 'pipe'],
        env: { ...process.env, ...environment, ...env },
      })
      onStart?.(child)
      let [out, err] = ['', '']
      child.stdout?.on('data', (text: Buffer) => (out += text.toString()))
      child.stderr?.on('data', (text: Buffer) => {
        err += text.toString()
        onErr?.(err, child)
      })
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal, out, err }))
    })
  return {
    ...{ folder, environment, digitlab, here },
    command: everything ? digitlab : here,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A workplace with 600 digits, and in `first` what three epochs of a linear model on them wrote. */
export const makeTrainedPlace = async (name: string): Promise<Workplace> => {
  const place = await makeWorkplace(name, { trainCount: 600, testCount: 100 })
  const digits = join(place.folder, 'digits')
  const { code, err } = await place.here([
    'train',
    '--model',
    'linear',
    '--dataset',
    digits,
    '--epochs',
    '3',
    '--out',
    'first',
  ])
  if (code !== 0) throw new Error(err)
  return place
}
