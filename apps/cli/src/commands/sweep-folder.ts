// What is asked of a sweep's folder, and what works at it.
import { writeFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { percent } from '@digitlab/report'
import type { BestSetting } from '@digitlab/report/figures'
import { bestGroup, groupRows, varyingSettings, type RunRow } from '@digitlab/sweep'
import { Command, Option } from 'commander'
import { writeAtomic } from '../atomic-file'
import { interruptible } from '../interrupt'
import { unwritable } from '../new-files'
import { shared, wholeNumber } from '../options'
import { note, warn, writeLine, writeResult } from '../output'
import { indexedRuns } from '../runs-index'
import { forgetFailures, runState } from '../sweep/run-state'
import { activeArrays, arraysOf, cancelArrays } from '../sweep/slurm'
import { statesOf, summary, tellStates } from '../sweep/states'
import { cancelledFile, openSweep, runFolder } from '../sweep/sweep-folder'
import { work, type WorkEvent } from '../sweep/work'

export const statusCommand = (): Command =>
  new Command('status')
    .description('Show what is done, in progress, failed and still to do.')
    .argument('<folder>', 'of the sweep')
    .addOption(shared.json())
    .action(async (folder: string, { json }: { json?: boolean }) =>
      tellStates(folder, await statesOf(folder, await openSweep(folder)), json ?? false),
    )

export const retryCommand = (): Command =>
  new Command('retry')
    .description('Retry failed runs the next time the sweep runs.')
    .argument('<folder>', 'of the sweep')
    .addOption(shared.json())
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const { runs } = await openSweep(folder)
      const retried: string[] = []
      for (const run of runs) {
        const path = runFolder(folder, run)
        if ((await runState(path, undefined)) !== 'done' && (await forgetFailures(path))) retried.push(run.name)
      }
      writeResult(
        json ?? false,
        () => ({ folder, retried }),
        () =>
          retried.length === 0
            ? `no run in ${folder} has failed`
            : `${retried.length} runs will be tried again, once the sweep's command is given again`,
      )
    })

export const cancelCommand = (): Command =>
  new Command('cancel')
    .description('Stop every worker of a sweep, wherever it runs, after a checkpoint.')
    .argument('<folder>', 'of the sweep')
    .addOption(shared.json())
    .action(async (folder: string, { json }: { json?: boolean }) => {
      await openSweep(folder)
      await writeFile(join(folder, cancelledFile), `${new Date().toISOString()}\n`)
      await cancelArrays(await activeArrays(await arraysOf(folder)))
      writeResult(
        json ?? false,
        () => ({ folder, cancelled: true }),
        () => `the workers of ${folder} stop within some seconds; the sweep's command, given again, resumes it`,
      )
    })

export const sweepReportCommand = (): Command =>
  new Command('report')
    .description('Draw a sweep: one page for all of its runs, to search, sort and compare.')
    .argument('<folder>', 'of the sweep')
    .addOption(shared.json())
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const sweep = await openSweep(folder)
      const runs = await indexedRuns(join(folder, 'runs'))
      const path = join(folder, 'report.html')
      const best = bestOf(runs.map(({ row }) => row))
      const { sweepReportHtml } = await import('@digitlab/report/figures')
      const html = await sweepReportHtml({
        title: `Sweep ${basename(resolve(folder))}`,
        lead: summary(await statesOf(folder, sweep)),
        runs: runs.map(({ row, curves }) => ({ ...row, folder: relative(folder, row.folder), curves })),
        best,
      })
      await writeAtomic(path, html).catch((cause: unknown) => {
        throw unwritable(path, cause)
      })
      writeResult(
        json ?? false,
        () => ({ report: path, best }),
        () => [...bestText(best), `all ${runs.length} runs on one page: ${path}`].join('\n'),
      )
    })

const bestOf = (rows: readonly RunRow[]): BestSetting | null => {
  const groups = groupRows(rows)
  const found = bestGroup(groups)
  if (!found) return null
  const { group, chosenBy, byTest } = found
  const varying = varyingSettings(groups)
  const mean = group.spreads[chosenBy]?.mean ?? NaN // it was chosen by that
  const { testAccuracy } = group.spreads
  return {
    settings: Object.fromEntries(varying.map((name) => [name, group.settings[name] ?? null])),
    ...{ n: group.rows.length, chosenBy, byTest, mean },
    testAccuracy: testAccuracy ? { mean: testAccuracy.mean, interval: testAccuracy.interval } : null,
  }
}

const bestText = (best: BestSetting | null): string[] => {
  if (!best) return []
  const { settings, n, chosenBy, byTest, mean, testAccuracy } = best
  const named = Object.entries(settings).map(([name, value]) => `${name} ${String(value ?? 'none')}`)
  return [
    `best by ${chosenBy} (${percent(mean)}, the mean of ${n}): ${named.join(', ') || 'the only setting'}`,
    ...(byTest
      ? [
          '*** chosen by the test images: its accuracy on them is too good. Keep validation images apart and choose by those. ***',
        ]
      : testAccuracy
        ? [
            `its test accuracy: ${percent(testAccuracy.mean)}${testAccuracy.interval ? `, 95 % interval of the mean ${percent(testAccuracy.interval[0])} to ${percent(testAccuracy.interval[1])}` : ''}`,
          ]
        : []),
  ]
}

/** How often a worker tells its starter of a run's steps, in milliseconds. */
const tellInterval = 100

export const workCommand = (): Command =>
  new Command('work')
    .description('Run one worker: claim a free run, train it, claim the next. Every engine starts these.')
    .argument('<folder>', 'of the sweep')
    .addOption(new Option('--index <n>', 'where among the runs to begin').argParser(wholeNumber).default(0))
    .addOption(shared.device())
    .addOption(new Option('--attached', 'tell events as JSON lines, and stop where standard input ends').hideHelp())
    .action(
      async (folder: string, { index, device, attached }: { index: number; device?: number; attached?: boolean }) => {
        const sweep = await openSweep(folder)
        let told = 0
        const attachedEvent = (event: WorkEvent) => {
          if (event.type === 'progress' && event.progress.type === 'step') {
            if (performance.now() - told < tellInterval) return
            told = performance.now()
          }
          writeLine(event)
        }
        if (attached) process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'))
        const notice = 'stopping after this step, with a checkpoint ...'
        const { done, failed } = await interruptible(notice, (signal) =>
          work(folder, sweep, {
            ...{ index, signal, onEvent: attached ? attachedEvent : plainEvent },
            ...(device === undefined ? {} : { device }),
          }),
        ).finally(() => attached && process.stdin.destroy()) // it would hold the process
        if (!attached)
          writeResult(
            false,
            () => null,
            () => `${done} runs made whole here${failed > 0 ? `, ${failed} tries failed` : ''}`,
          )
      },
    )

const plainEvent = (event: WorkEvent): void => {
  if (event.type === 'done') note(`${event.run}  test accuracy ${percent(event.testAccuracy)}`)
  if (event.type === 'failed') warn(`failed: ${event.run}: ${event.sentence}`)
}
