// How a sweep stands, for a person and as a document.
import { join } from 'node:path'
import { writeResult } from '../output'
import { failuresOf, runState, type RunState } from './run-state'
import { runFolder, type Sweep } from './sweep-folder'

/** The runs by what they are at; those of `left` are among those done, too. */
type States = Readonly<Record<RunState, readonly string[]>>

/** What the runs of a sweep are at; a lock counts as held, whoever's it is. */
export const statesOf = async (folder: string, { runs }: Sweep): Promise<States> => {
  const states: Record<RunState, string[]> = { done: [], left: [], running: [], failed: [], open: [] }
  for (const run of runs) {
    const state = await runState(runFolder(folder, run), undefined)
    states[state].push(run.name)
    if (state === 'left') states.done.push(run.name)
  }
  return states
}

export const summary = ({ done, running, failed, open }: Omit<States, 'left'>): string =>
  [
    `${done.length} of ${done.length + running.length + failed.length + open.length} runs done`,
    ...(running.length > 0 ? [`${running.length} in progress`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(open.length > 0 ? [`${open.length} to do`] : []),
  ].join(', ')

export const tellStates = async (out: string, states: States, json: boolean): Promise<void> => {
  const { done, running, failed, open } = states
  const failures = await Promise.all(
    failed.map(async (run) => ({ run, failures: await failuresOf(join(out, 'runs', run)) })),
  )
  writeResult(
    json,
    () => ({ out, done, running, failed, open, failures }),
    () =>
      [
        `${out}: ${summary(states)}`,
        ...failures.map(
          ({ run, failures }) => `failed ${failures.length} times: ${run}: ${failures.at(-1)?.sentence ?? ''}`,
        ),
        ...(running.length > 0
          ? [`in progress: ${running.slice(0, 8).join(', ')}${running.length > 8 ? ' ...' : ''}`]
          : []),
      ].join('\n'),
  )
}
