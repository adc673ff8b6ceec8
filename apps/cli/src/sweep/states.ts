// How a sweep stands, for a person and as a document.
import { join } from 'node:path'
import { writeResult } from '../output'
import { failuresOf, runState, type RunState } from './run-state'
import { runFolder, type Sweep } from './sweep-folder'

type States = Readonly<Record<RunState, readonly string[]>>

/** What the runs of a sweep are at; a lock counts as held, whoever's it is. */
export const statesOf = async (folder: string, { runs }: Sweep): Promise<States> => {
  const states: Record<RunState, string[]> = { done: [], running: [], failed: [], open: [] }
  for (const run of runs) states[await runState(runFolder(folder, run), undefined)].push(run.name)
  return states
}

export const summary = ({ done, running, failed, open }: States): string =>
  [
    `${done.length} of ${done.length + running.length + failed.length + open.length} runs done`,
    ...(running.length > 0 ? [`${running.length} in progress`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(open.length > 0 ? [`${open.length} to do`] : []),
  ].join(', ')

export const tellStates = async (out: string, states: States, json: boolean): Promise<void> => {
  const failures = await Promise.all(
    states.failed.map(async (run) => ({ run, failures: await failuresOf(join(out, 'runs', run)) })),
  )
  writeResult(
    json,
    () => ({ out, ...states, failures }),
    () =>
      [
        `${out}: ${summary(states)}`,
        ...failures.map(
          ({ run, failures }) => `failed ${failures.length} times: ${run}: ${failures.at(-1)?.sentence ?? ''}`,
        ),
        ...(states.running.length > 0
          ? [`in progress: ${states.running.slice(0, 8).join(', ')}${states.running.length > 8 ? ' ...' : ''}`]
          : []),
      ].join('\n'),
  )
}
