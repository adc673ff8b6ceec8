// A sweep on a Slurm cluster: one array of workers, not a job a run.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { warn } from '../output'
import { ownCommand, quoted, runProgram } from '../processes'
import { OptionError, UsageError } from '../usage-error'
import { logFolder } from './sweep-folder'

export interface SlurmOptions {
  /** Workers, the tasks of the array. */
  readonly jobs: number
  readonly partition?: string
  /** Minutes, or as Slurm writes times. */
  readonly time?: string
  /** Of each worker. */
  readonly gpus?: number
  readonly cpus: number
  /** What to run before a worker: modules, paths. */
  readonly setup?: string
  /** Any other option of sbatch, by its long name. */
  readonly sbatch: readonly (readonly [key: string, value: string])[]
}

/** What the script decides itself: another value would break it. */
const decided = [
  'array',
  'signal',
  'requeue',
  'no-requeue',
  'output',
  'error',
  'open-mode',
  'wait',
  'wrap',
  'parsable',
  'test-only',
  'chdir',
  'job-name',
]

/** The long options of sbatch 20.11 to 24.05, without those that the script decides. */
const known = (
  'account acctg-freq batch bb bbf begin bell burst-buffer clusters comment constraint container container-id contiguous core-spec ' +
  'cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution exclude exclusive export ' +
  'export-file extra extra-node-info get-user-env gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres ' +
  'gres-flags hint hold ignore-pbs input kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu ' +
  'mem-per-gpu mincpus network nice no-kill nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node ' +
  'ntasks-per-socket overcommit oversubscribe partition power prefer priority profile propagate qos quiet reboot reservation ' +
  'resv-ports segment sockets-per-node spread-job stepmgr switches thread-spec threads-per-core time time-min tmp tres-bind ' +
  'tres-per-task uid use-min-nodes verbose wait-all-nodes wckey x11'
).split(' ')

/**
 * KEY=VALUE of sbatch, checked against what it takes.
 *
 * @throws UsageError naming what there is
 */
export const sbatchOption = (text: string): readonly [key: string, value: string] => {
  const at = text.indexOf('=')
  const key = (at < 0 ? text : text.slice(0, at)).replace(/^--/, '')
  const value = at < 0 ? '' : text.slice(at + 1)
  if (decided.includes(key))
    throw new OptionError(`the script decides ${key} itself, as the workers depend on it: leave it out`)
  if (!known.includes(key)) throw new OptionError(`sbatch has no option "${key}": it takes ${known.join(', ')}`)
  if (/[\r\n]/.test(value)) throw new OptionError(`the value of ${key} has a line break: give it on one line`)
  return [key, value]
}

/** One value for a line of #SBATCH, which is split as a shell would but takes no variables. */
const directive = (key: string, value: string): string =>
  `#SBATCH --${key}${value === '' ? '' : `=${/^[\w.,:@%/+=-]*$/.test(value) ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`}`}`

/** How long before the end of its time a worker is told, in seconds: a checkpoint takes one, a step of a large net some. */
const warning = 90

/**
 * The script that sbatch gets.
 *
 * Slurm signals the shell, which passes it to the worker; that makes a checkpoint and ends. Where work is left, exactly this task of the
 * array is put back into the queue. A worker that was killed is begun again; what it had at hand is resumed.
 */
export const slurmScript = (folder: string, options: SlurmOptions): string => {
  const { jobs, partition, time, gpus, cpus, setup, sbatch } = options
  const path = resolve(folder)
  const given = (key: string) => sbatch.some(([name]) => name === key)
  const lines = [
    directive('job-name', `digitlab-${basename(path)}`.replace(/[^\w.-]/g, '-')),
    directive('array', `0-${jobs - 1}`),
    directive('signal', `B:USR1@${warning}`),
    directive('requeue', ''),
    directive('open-mode', 'append'),
    // In this file's place, a per cent sign would mean a number of Slurm's.
    directive('output', join(logFolder(path).replaceAll('%', '%%'), '%A_%a.log')),
    ...(given('cpus-per-task') ? [] : [directive('cpus-per-task', String(cpus))]),
    ...(partition === undefined ? [] : [directive('partition', partition)]),
    ...(time === undefined ? [] : [directive('time', time)]),
    ...(gpus === undefined ? [] : [directive('gpus-per-node', String(gpus))]),
    ...sbatch.map(([key, value]) => directive(key, value)),
  ]
  const command = [...ownCommand(), 'sweep', 'work', path].map(quoted).join(' ')
  return `#!/bin/bash
${lines.join('\n')}

task="\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
requeue=0
stopping=0
worker=
stop() {
  stopping=1
  [ -n "$worker" ] && kill -TERM "$worker" 2> /dev/null
}
trap 'requeue=1; stop' USR1   # the time is nearly up
trap stop TERM                # preempted or cancelled: Slurm knows what comes next

cd ${quoted(process.cwd())} || exit 1
${setup === undefined ? '' : `${setup}\n`}
for attempt in 1 2 3 4 5; do
  [ "$stopping" = 1 ] && break
  ${command} --index "$SLURM_ARRAY_TASK_ID" &
  worker=$!
  wait "$worker"
  code=$?
  # A signal ends the waiting, not the worker.
  while kill -0 "$worker" 2> /dev/null; do
    wait "$worker"
    code=$?
  done
  worker=
  [ "$code" -lt 128 ] || [ "$stopping" = 1 ] && break
  echo "the worker was killed (exit code $code): another one takes its place"
done
if [ "$requeue" = 1 ] && [ "$code" -ne 0 ]; then
  echo "the time is up and work is left: $task goes back into the queue"
  scontrol requeue "$task"
  exit $?
fi
exit "$code"
`
}

/** The numbers of the arrays that work at a sweep, as its folder has them. */
export const arraysOf = async (folder: string): Promise<readonly string[]> => {
  const names = await readdir(join(folder, 'slurm')).catch((): string[] => [])
  return names.flatMap((name) => /^(\d+)\.sh$/.exec(name)?.[1] ?? [])
}

/** Submits an array of workers. @returns its number @throws UsageError with what sbatch said */
export const submit = async (folder: string, options: SlurmOptions): Promise<string> => {
  const script = slurmScript(folder, options)
  try {
    // Slurm makes no folders: without this one a job would fail and leave no word.
    await mkdir(logFolder(folder), { recursive: true })
    await mkdir(join(folder, 'slurm'), { recursive: true })
    await writeFile(join(logFolder(folder), '.writable'), '')
  } catch (cause) {
    throw new UsageError(
      `the logs of the workers cannot be written to ${logFolder(folder)} (${(cause as Error).message}): make it writable`,
      { cause },
    )
  }
  const { code, out, err } = await runProgram('sbatch', ['--parsable'], script)
  const job = /^(\d+)/.exec(out.trim())?.[1]
  if (code !== 0 || job === undefined)
    throw new UsageError(
      `sbatch refused the workers (${(err || out).trim() || `exit code ${code}`}): change what it names, or see the script with --dry-run`,
    )
  await writeFile(join(folder, 'slurm', `${job}.sh`), script)
  return job
}

/** Which of some arrays are waiting or running. It asks squeue alone: accounting is nowhere needed. */
export const activeArrays = async (arrays: readonly string[]): Promise<readonly string[]> => {
  if (arrays.length === 0) return []
  const { out } = await runProgram('squeue', ['--noheader', '--format=%F', `--jobs=${arrays.join(',')}`])
  const active = new Set(out.split('\n').map((line) => line.trim()))
  return arrays.filter((array) => active.has(array))
}

/** Takes what waits from the queue, and lets what runs make its checkpoints. */
export const cancelArrays = async (arrays: readonly string[]): Promise<void> => {
  if (arrays.length === 0) return
  const { code, err } = await runProgram('scancel', ['--signal=TERM', '--batch', ...arrays])
  if (code !== 0) warn(`scancel: ${err.trim()}`)
  await runProgram('scancel', ['--state=PENDING', ...arrays])
}
