// A Slurm cluster of one node on this machine, for as long as a test lasts: its own daemons, in a folder of its own.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const programs = ['slurmctld', 'slurmd', 'munged', 'sbatch', 'squeue', 'scontrol', 'scancel', 'sinfo']

const path = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin', '/sbin'].join(':')

const required = process.env['REQUIRE_SLURM'] === '1'

/** Why tests on Slurm are to be skipped; undefined where it is installed, and under REQUIRE_SLURM=1, where its lack fails them. */
export const noSlurm = (): string | undefined => {
  const missing = programs.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { ...process.env, PATH: path } }).status !== 0,
  )
  if (missing.length === 0 || required) return undefined
  return `Slurm is not installed here (no ${missing.join(', ')}): apt-get install slurm-wlm brings it`
}

export interface Cluster {
  /** What programs of Slurm need to find it. */
  readonly env: Readonly<Record<string, string>>
  /** What one of Slurm's programs said. */
  run(name: string, ...args: readonly string[]): string
  /** Waits until something is so, and fails with what Slurm says of itself where it does not come. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>
  stop(): Promise<void>
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

/** Starts the daemons: four processors, `low` (which `high` preempts by requeueing), no accounting. */
export const startCluster = async (): Promise<Cluster> => {
  const folder = mkdtempSync(join(tmpdir(), 'digitlab-slurm-'))
  const at = (name: string) => join(folder, name)
  for (const name of ['state', 'spool']) mkdirSync(at(name))
  writeFileSync(at('munge.key'), randomBytes(1024), { mode: 0o400 })
  const host = hostname().split('.')[0] ?? 'localhost'
  const [control, node] = [await freePort(), await freePort()]
  writeFileSync(
    at('slurm.conf'),
    `ClusterName=digitlab
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=${userInfo().username}
SlurmdUser=${userInfo().username}
SlurmctldPort=${control}
SlurmdPort=${node}
AuthType=auth/munge
AuthInfo=socket=${at('munge.socket')},cred_expire=5
CredType=cred/munge
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.log')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=15
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=${host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=low Nodes=${host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=0
PartitionName=high Nodes=${host} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
`,
  )
  const env = { PATH: path, SLURM_CONF: at('slurm.conf') }
  const daemons: ChildProcess[] = []
  const said: string[] = []
  const daemon = (name: string, ...args: readonly string[]) => {
    const child = spawn(name, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const hear = (text: Buffer) => void said.push(`${name}: ${text.toString().trimEnd()}`)
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', (error) => said.push(`${name}: ${error.message}`))
    daemons.push(child)
  }
  const run = (name: string, ...args: readonly string[]): string => {
    const { stdout, stderr } = spawnSync(name, args, { env: { ...process.env, ...env }, encoding: 'utf8' })
    return `${stdout}${stderr}`.trim()
  }
  const until: Cluster['until'] = async (what, holds) => {
    for (let tries = 0; tries < 6000; tries++) {
      if (await holds()) return
      await wait(100)
    }
    throw new Error(
      `${what} did not come to be:\n${run('squeue', '--long')}\n${run('sinfo')}\n${said.slice(-40).join('\n')}`,
    )
  }
  const stop = async () => {
    for (const child of daemons.reverse())
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('close', resolve))
        child.kill('SIGTERM')
        await Promise.race([gone, wait(5000).then(() => child.kill('SIGKILL'))])
      }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    daemon(
      'munged',
      '--foreground',
      '--force',
      ...[`--key-file=${at('munge.key')}`, `--socket=${at('munge.socket')}`],
      ...[`--pid-file=${at('munged.pid')}`, `--log-file=${at('munged.log')}`, `--seed-file=${at('munge.seed')}`],
    )
    await until('munged', () => run('munge', '-n', `--socket=${at('munge.socket')}`).startsWith('MUNGE:'))
    daemon('slurmctld', '-D', '-c', '-f', at('slurm.conf'))
    await until('slurmctld', () => run('sinfo', '--noheader').includes('low'))
    daemon('slurmd', '-D', '-c', '-f', at('slurm.conf'), '-N', host)
    await until('a node that is free', () => run('sinfo', '--noheader', '--format=%T').includes('idle'))
    return { env, run, until, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
