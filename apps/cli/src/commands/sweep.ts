import { mkdir, open, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { SweepPlan } from '@digitlab/sweep'
import type { CheckpointInterval } from '@digitlab/train'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseInterval } from '../checkpoint-folder'
import { checkPlace } from '../dataset-place'
import { Interrupted, interruptible } from '../interrupt'
import { checkGpuFlags, choose, load } from '../load'
import { checkOptions, countingNumber, listOf, refuseBeside, shared } from '../options'
import { mlflowUri, sendWritten } from '../mlflow-run'
import { note, warn, writeResult } from '../output'
import { ownCommand, startAway } from '../processes'
import { followArrays } from '../sweep/follow'
import { kubernetesJob } from '../sweep/kubernetes'
import { addPlan, givenFlags, planOfFlags, readPlan, type PlanFlags } from '../sweep/plan-flags'
import { progressView } from '../sweep/progress-view'
import { activeArrays, arraysOf, sbatchOption, slurmScript, submit, type SlurmOptions } from '../sweep/slurm'
import { statesOf, summary, tellStates } from '../sweep/states'
import { cancelledFile, logFolder, runsOf, settleSweep, type Sweep } from '../sweep/sweep-folder'
import { startHere, startThrough, usualJobs, visibleGpus, watchWorkers } from '../sweep/workers'
import { UsageError } from '../usage-error'
import { cancelCommand, retryCommand, statusCommand, sweepReportCommand, workCommand } from './sweep-folder'
import { outlined } from './outline'

const engines = ['local', 'slurm', 'ssh', 'kubernetes'] as const
type Engine = (typeof engines)[number]

interface Flags extends PlanFlags {
  readonly dataset: string
  readonly dataDir?: string
  readonly backend: string
  readonly tf32?: boolean
  readonly threads: number
  readonly checkpointEvery: CheckpointInterval
  readonly jobs?: number
  readonly on: Engine
  readonly partition?: string
  readonly time?: string
  readonly setup?: string
  readonly sbatch?: SlurmOptions['sbatch']
  readonly hosts?: readonly string[]
  readonly detach?: boolean
  readonly mlflow?: string
  readonly gpus?: number
  readonly out?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

const interval = (text: string): CheckpointInterval => {
  const every = parseInterval(text)
  if (!every) throw new InvalidArgumentError('It must be such as 500, 500steps, 1epoch or 30s.')
  return every
}

const sbatch = (text: string, before: SlurmOptions['sbatch'] = []): SlurmOptions['sbatch'] => [
  ...before,
  sbatchOption(text),
]

export const sweepCommand = (): Command => {
  const command = outlined('sweep').argument('[plan]', 'a JSON file with the plan, instead of lists in options')
  addPlan(command)
    .addOption(shared.dataset('auto'))
    .addOption(shared.dataDir())
    .addOption(shared.backend())
    .addOption(shared.tf32())
    .addOption(new Option('--threads <n>', 'threads of each run').argParser(countingNumber).default(1))
    .addOption(
      new Option('--checkpoint-every <n>', 'checkpoint interval: 500 (steps), 1epoch or 30s')
        .argParser(interval)
        .default({ seconds: 30 }, '30s'),
    )
    .addOption(new Option('--jobs <n>', 'runs in parallel (as many as this machine can use)').argParser(countingNumber))
    .addOption(
      new Option('--gpus <n>', 'GPUs to distribute over the jobs; on slurm, of each job').argParser(countingNumber),
    )
    .addOption(
      new Option('--on <place>', 'where to run: this machine, a cluster, machines with the same folder')
        .choices(engines)
        .default('local'),
    )
    .option('--partition <name>', 'of slurm')
    .option('--time <limit>', 'of each job on slurm: minutes, or hours:minutes:seconds')
    .option('--setup <command>', 'what each job begins with on slurm and ssh, such as "module load node"')
    .addOption(new Option('--sbatch <key=value>', 'any other option of sbatch; may be given again').argParser(sbatch))
    .addOption(new Option('--hosts <list>', 'the machines of ssh').argParser(listOf(String)))
    .option('--mlflow <uri>', 'send the runs to this MLflow server when the sweep ends')
    .option('--detach', 'return at once')
    .option('--out <folder>', 'the folder of the sweep; the same command resumes it')
    .option('--dry-run', 'list what would be run, and run nothing')
    .addOption(shared.json())
    .enablePositionalOptions()
    .action(sweep)
  command.addHelpText(
    'after',
    '\nExamples:\n  digitlab sweep --models linear,cnn --seeds 0..9 --learning-rate 0.05,0.1 --out runs/s1\n  digitlab sweep --models cnn --seeds 0..99 --out runs/s2 --on slurm --jobs 8 --partition gpu --gpus 1 --time 30',
  )
  for (const each of [statusCommand(), sweepReportCommand(), retryCommand(), cancelCommand(), workCommand()])
    command.addCommand(each)
  return command
}

const planOf = async (file: string | undefined, flags: Flags, command: Command): Promise<SweepPlan> => {
  if (file === undefined) {
    if (flags.models === undefined && !flags.set?.some(([path]) => path === 'model'))
      throw new UsageError('a sweep needs models: give --models linear,cnn, or a file with a plan')
    return planOfFlags(flags)
  }
  refuseBeside(command, file, givenFlags(flags), 'the runs')
  return readPlan(file)
}

/** What is asked for, with the data set's name. */
const wantedSweep = async (file: string | undefined, flags: Flags, command: Command): Promise<Sweep> => {
  const given = await planOf(file, flags, command)
  checkPlace(flags)
  checkGpuFlags({ ...(flags.tf32 ? { tf32: true } : {}) }, [flags.backend])
  const dataset = flags.dataset === 'auto' ? undefined : flags.dataset
  await checkedRuns(given, dataset ?? 'mnist') // a wrong value is told before anything is loaded
  const names = (plan: SweepPlan) => plan.experiment?.['dataset'] !== undefined || plan.vary?.['dataset'] !== undefined
  if (names(given) && command.getOptionValueSource('dataset') === 'cli')
    throw new UsageError(`the plan names its data sets, --dataset would change them: leave one of them out`)
  const plan = names(given)
    ? given
    : { ...given, experiment: { dataset: dataset ?? (await load('auto', flags.dataDir)).name, ...given.experiment } }
  return {
    format: 'digitlab-sweep',
    version: 1,
    plan,
    conditions: {
      backend: flags.backend,
      ...(flags.tf32 ? { tf32: true } : {}),
      ...(flags.dataDir === undefined ? {} : { dataDir: resolve(flags.dataDir) }),
      checkpointEvery: flags.checkpointEvery,
      threads: flags.threads,
    },
    from: process.cwd(),
    runs: await runsOf(plan, dataset ?? 'mnist'),
  }
}

const checkedRuns = async (plan: SweepPlan, dataset: string): Promise<void> => {
  const problem = await runsOf(plan, dataset).catch((error: unknown) => error)
  checkOptions(() => {
    if (problem instanceof Error) throw problem
  })
}

const sweep = async (file: string | undefined, flags: Flags, command: Command): Promise<void> => {
  const { out, on, json = false } = flags
  if (out === undefined) command.error("error: required option '--out <folder>' not specified")
  refuseElsewhere(command, on)
  if (flags.mlflow !== undefined) mlflowUri(flags.mlflow)
  if (flags.mlflow !== undefined && (on === 'kubernetes' || (flags.detach && on === 'slurm')))
    throw new UsageError(
      `--mlflow sends the runs when the sweep has ended, and this command does not wait for that: leave it out, and send them with "digitlab runs push ${out} --mlflow ${flags.mlflow}"`,
    )
  const wanted = await wantedSweep(file, flags, command)
  const gpus = flags.backend === 'cuda' || flags.gpus !== undefined ? visibleGpus(flags.gpus) : []
  const jobs = Math.min(wanted.runs.length, flags.jobs ?? (on === 'local' ? usualJobs(flags.backend, gpus) : 4))
  const cluster = { ...flags, jobs, cpus: flags.threads, sbatch: flags.sbatch ?? [] }
  if (flags.dryRun) return tellPlan(out, wanted, on === 'slurm' ? slurmScript(out, cluster) : undefined, jobs, json)
  // Where it is this machine that computes one backend is settled for all of the runs: each gives bits of its own.
  const backend = on === 'local' ? (await choose(flags.backend, flags.tf32 ? { tf32: true } : {})).id : flags.backend
  const { sweep, found } = await settleSweep(out, { ...wanted, conditions: { ...wanted.conditions, backend } })
  await rm(join(out, cancelledFile), { force: true })
  const before = await statesOf(out, sweep)
  if (found) note(`resuming ${out}: ${summary(before)}`)
  if (on === 'kubernetes')
    return writeResult(
      json,
      () => ({ out, manifest: kubernetesJob(out, cluster) }),
      () => kubernetesJob(out, cluster),
    )
  const left = before.done.length + before.failed.length < sweep.runs.length || before.left.length > 0
  if (on === 'slurm' && left) await toSlurm(out, cluster)
  if (flags.detach) {
    if (on !== 'slurm' && left) await goAway(out)
    return tellStates(out, await statesOf(out, sweep), json)
  }
  const view = progressView(sweep.runs, before.done.length, jobs)
  const start = on === 'ssh' ? startThrough(flags.hosts ?? [], out, flags.setup) : startHere(out, gpus)
  const interrupted = await interruptible(noticeOf(on), async (signal) => {
    if (left && on === 'slurm') await followArrays(out, sweep, signal)
    else if (left) await watchWorkers(out, sweep, { jobs, start, view, signal })
    return signal.aborted
  })
  const states = await statesOf(out, sweep)
  if (flags.mlflow !== undefined)
    await sendWritten(
      states.done.map((name) => join(out, 'runs', name)),
      flags.mlflow,
      out,
    )
  await tellStates(out, states, json)
  if (interrupted) {
    warn(
      on === 'slurm'
        ? `no longer followed; the workers continue, "digitlab sweep cancel ${out}" stops them`
        : `interrupted; the same command again resumes it in ${out}`,
    )
    throw new Interrupted()
  }
  if (states.failed.length > 0)
    throw new UsageError(
      `${states.failed.length} of ${sweep.runs.length} runs failed: "digitlab sweep status ${out}" says why, "digitlab sweep retry ${out}" retries them`,
    )
}

const noticeOf = (on: Engine): string =>
  on === 'slurm'
    ? 'no longer following ...'
    : 'stopping: every run in progress writes a checkpoint ... (again to end at once)'

/** Refuses what belongs to another place than where the sweep is to run. */
const refuseElsewhere = (command: Command, on: Engine): void => {
  const belongs: Record<string, readonly Engine[]> = {
    partition: ['slurm'],
    time: ['slurm'],
    sbatch: ['slurm'],
    hosts: ['ssh'],
    setup: ['slurm', 'ssh'],
    detach: ['local', 'slurm', 'ssh'],
  }
  for (const option of command.options) {
    const places = belongs[option.attributeName()]
    if (places && command.getOptionValueSource(option.attributeName()) === 'cli' && !places.includes(on))
      throw new UsageError(
        `${option.long} belongs to --on ${places.join(' or ')}, and this sweep runs on ${on}: leave it out`,
      )
  }
  if (on === 'ssh' && command.getOptionValueSource('hosts') !== 'cli')
    throw new UsageError('--on ssh needs to know where: give --hosts node1,node2')
}

const tellPlan = (out: string, { runs }: Sweep, script: string | undefined, jobs: number, json: boolean): void =>
  writeResult(
    json,
    () => ({ out, jobs, runs, ...(script === undefined ? {} : { script }) }),
    () =>
      [
        ...runs.slice(0, 20).map(({ name }) => name),
        ...(runs.length > 20 ? [`and ${runs.length - 20} more`] : []),
        `${runs.length} runs, ${jobs} at once, into ${out}: nothing was begun`,
        ...(script === undefined ? [] : ['', script]),
      ].join('\n'),
  )

/** Submits workers, unless some are at it. */
const toSlurm = async (out: string, options: SlurmOptions): Promise<void> => {
  const [active] = await activeArrays(await arraysOf(out))
  if (active !== undefined) return note(`the workers of ${out} are array ${active}: no more are submitted`)
  const job = await submit(out, options)
  note(
    `submitted ${options.jobs} worker${options.jobs === 1 ? '' : 's'} as array ${job}; their logs are in ${join(out, 'logs')}`,
  )
}

/** Begins this command once more, without anybody who waits for it. */
const goAway = async (out: string): Promise<void> => {
  const path = join(logFolder(out), 'sweep.log')
  await mkdir(logFolder(out), { recursive: true })
  const log = await open(path, 'a')
  startAway([...ownCommand(), ...process.argv.slice(2).filter((word) => word !== '--detach')], log.fd)
  await log.close()
  note(
    `the sweep continues by itself (${path}): "digitlab sweep status ${out}" says how far it is, "digitlab sweep cancel ${out}" stops it`,
  )
}
