// Workers that this process starts and watches: on this machine, as many as serve it, or on others through ssh.
import { mkdir, open, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { warn } from '../output'
import { ownCommand, quoted, startProgram, type ChildProcess } from '../processes'
import { UsageError } from '../usage-error'
import type { ProgressView } from './progress-view'
import { logFolder, type Sweep } from './sweep-folder'
import type { WorkEvent } from './work'

interface WatchOptions {
  readonly jobs: number
  /** Starts the worker of a number: its events come on standard output, and it stops where its standard input ends. */
  readonly start: (index: number, err: number) => ChildProcess
  readonly view: ProgressView
  readonly signal: AbortSignal
}

/** So many workers in a row may end without having made a run whole; then something else is wrong than the machine. */
const mostDeaths = 5

/** The GPUs that workers share out: those that are visible, or the first `count`. */
export const visibleGpus = (count: number | undefined): readonly string[] => {
  const visible = (process.env['CUDA_VISIBLE_DEVICES'] ?? '').split(',').filter((id) => id.trim() !== '')
  if (visible.length > 0) return count === undefined ? visible : visible.slice(0, count)
  return count === undefined ? ['0'] : Array.from({ length: count }, (_, n) => String(n))
}

/** How many workers serve this machine. */
export const usualJobs = (backend: string, gpus: readonly string[]): number =>
  backend === 'cuda' ? Math.max(1, gpus.length) : availableParallelism()

/**
 * Lets workers drain a sweep. One that dies is replaced; what it had at hand is resumed.
 *
 * @throws UsageError if no worker gets to work, with what it said
 */
export const watchWorkers = async (
  folder: string,
  { runs }: Sweep,
  { jobs, start, view, signal }: WatchOptions,
): Promise<void> => {
  const logs = logFolder(folder)
  await mkdir(logs, { recursive: true }).catch(refuseLogs(logs))
  const children = new Set<ChildProcess>()
  let deaths = 0
  let problem: string | undefined
  const stop = () => children.forEach((child) => child.stdin?.end())
  signal.addEventListener('abort', stop)
  const worker = async (index: number): Promise<void> => {
    const path = join(logs, `worker-${index}.log`)
    while (!signal.aborted && problem === undefined) {
      const log = await open(path, 'w').catch(refuseLogs(logs))
      try {
        const child = start(index, log.fd)
        child.stdin?.on('error', () => {}) // it ended: its code says how
        children.add(child)
        if (signal.aborted) child.stdin?.end() // it came between
        const lines = createInterface({ input: child.stdout ?? process.stdin })
        lines.on('line', (line) => {
          const event = JSON.parse(line) as WorkEvent
          if (event.type === 'done') deaths = 0
          view.tell(index, event)
        })
        const { code, how } = await ended(child)
        children.delete(child)
        view.gone(index)
        if (code === 0 || code === 130) return
        if (code === 1 || code === 2) {
          problem ??= lastLine(await readFile(path, 'utf8'))
          return
        }
        if (signal.aborted) return
        warn(`worker ${index} ended by ${how}: another one takes its place (${path} has what it said)`)
        if (++deaths >= mostDeaths)
          problem ??= `${deaths} workers in a row ended without a whole run, the last one by ${how} (${lastLine(await readFile(path, 'utf8'))})`
      } finally {
        await log.close()
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, runs.length) }, (_, index) => worker(index)))
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
  if (problem !== undefined && !signal.aborted)
    throw new UsageError(`the workers stopped: ${problem}; mend that and give the same command again`)
}

const refuseLogs =
  (logs: string) =>
  (cause: Error): never => {
    throw new UsageError(
      `could not write into ${logs} (${cause.message}), where a sweep keeps what its workers say: let it be written to, and give the same command again`,
      { cause },
    )
  }

/** Starts workers of a sweep on this machine. @param gpus what CUDA_VISIBLE_DEVICES names, one for each in turn; none leaves it as it is */
export const startHere =
  (folder: string, gpus: readonly string[]): WatchOptions['start'] =>
  (index, err) => {
    const gpu = gpus[index % gpus.length]
    return startProgram([...ownCommand(), ...workArguments(folder, index)], {
      err,
      env: gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: gpu },
    })
  }

/** Starts workers of a sweep on other machines that see the same folder and the same program under the same paths. */
export const startThrough =
  (hosts: readonly string[], folder: string, setup: string | undefined): WatchOptions['start'] =>
  (index, err) => {
    const command = [...ownCommand(), ...workArguments(resolve(folder), index)].map(quoted).join(' ')
    const line = [`cd ${quoted(process.cwd())}`, ...(setup === undefined ? [] : [setup]), `exec ${command}`].join(
      ' && ',
    )
    const host = hosts[index % hosts.length] ?? ''
    return startProgram(['ssh', '-o', 'BatchMode=yes', '-T', '--', host, line], { err, env: {} })
  }

const workArguments = (folder: string, index: number) => [
  'sweep',
  'work',
  folder,
  '--index',
  String(index),
  '--attached',
]

const ended = (child: ChildProcess): Promise<{ code: number | null; how: string }> =>
  new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, how: signal ?? `exit code ${code}` }))
  })

/** What a worker said it ended for. */
const lastLine = (text: string): string => {
  const lines = text.trimEnd().split('\n')
  const sentence = lines.findLast((line) => line.startsWith('digitlab: ')) ?? lines.at(-1) ?? ''
  return sentence.replace(/^digitlab: /, '').trim() || 'which said nothing'
}
