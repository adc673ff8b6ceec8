// The worker that computes: it probes backends, loads data, trains and reads drawings. The page only draws.
import type { Dataset } from '@digitlab/data'
import { fetchDataFile } from '@digitlab/data/web'
import { resolveModel } from '@digitlab/models'
import { experimentId, isDataOf } from '@digitlab/train'
import {
  dataChoices,
  pageBackends,
  type DataChoice,
  type FromLab,
  type GivenFile,
  type KnownRun,
  type ReadBy,
  type Settings,
  type ToLab,
} from '../protocol'
import { newKey } from '../new-key'
import { defaultSettings } from '../settings'
import { shown } from '../shown'
import { backendOf, probe } from './backends'
import { createChoice, Superseded, type Choice } from './choice'
import { createDatasets, type Datasets, type NamedChoice } from './datasets'
import { experimentOf, problemsOf } from './experiment'
import { failureOf, isAborted, PageError } from './failure'
import { sendImages } from './images'
import { datasetOf, sorted } from './given'
import { startJob, type Job } from './job'
import { forget, keptCheckpoint, keptRuns, onOthers, remove, resumableRuns, tellOthers } from './kept'
import { pixelsOf } from './picture'
import { example } from './example'
import { createReader, untrained, type Resting } from './reader'
import { readRunFiles, runParts, weightsOf } from './run-parts'
import { runLock } from './run-lock'

const post = (message: FromLab): void => globalThis.postMessage(message)

const reader = createReader(post)
const runs = new Map<string, KnownRun>()
let datasets: Datasets
let choice: Choice
let figures: MessagePort
let readBy: ReadBy = 'example'
let form: { readonly settings: Settings; readonly data: DataChoice } | undefined
let job: Job | undefined
let stepsPerSecond = Infinity
/** Orders to train that have not ended, one after the other; loading counts. */
let orders = 0
let training: Promise<void> = Promise.resolve()
/** Never ends. In a variable, as a lock on a promise that nobody holds would be free once it is collected. */
const life = new Promise<never>(() => {})
/** What computes, one after the other: a drawing is not read by one backend while another one starts. */
let computing: Promise<unknown> = Promise.resolve()

const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
  const next = computing.then(work, work)
  computing = next.catch(() => {})
  return next
}

/** Answers for the form: what is wrong with it, or the id of its experiment. */
const describe = (): void => {
  if (!form) return
  const { settings } = form
  const problems = problemsOf(settings)
  if (Object.keys(problems).length > 0) return post({ type: 'experiment', problems })
  void experimentId(experimentOf(settings, nameOf(form.data))).then(
    (id) => post({ type: 'experiment', id, problems }),
    () => post({ type: 'experiment', problems }), // no hashes on plain http, of which the page tells
  )
  if (readBy === 'initial') restBy() // of this model and seed
}

/** What the experiment would call a data set that is chosen, loaded or not. */
const nameOf = (data: DataChoice): string => {
  if (choice.held?.choice === data) return choice.held.data.name
  return data === 'auto' ? 'mnist' : data
}

const tellUnreadable = (error: unknown): void => post({ type: 'unreadable', sentence: failureOf(error).sentence })

const readAtRest = (): void => {
  if (job) return job.wake()
  exclusively(async () => {
    if (!job) await reader.readAtRest()
  }).catch(tellUnreadable)
}

type Order = Parameters<typeof startJob>[0]['order']

type How = Pick<Parameters<typeof startJob>[0], 'resume' | 'stepwise'>

const run = (order: Order, data: Dataset, how: How = {}): Promise<void> =>
  exclusively(async () => {
    const started = startJob({ order, data, reader, post, stepsPerSecond, ...how })
    job = started.job
    const known = await started.ended
    job = undefined
    if (known) runs.set(known.key, known)
    restBy()
  })

/** One training after the other, and in one tab. */
const trained = (key: string, work: () => Promise<void>): void => {
  orders++
  training = training.then(async () => {
    try {
      await runLock.hold(key, async () => {
        tellOthers()
        await work()
      })
    } catch (error) {
      if (isAborted(error)) post({ type: 'load-cancelled' })
      else post({ type: 'failed', failure: failureOf(error), fresh: false })
    } finally {
      orders--
    }
  })
}

/** Trains, and goes on with what is still to be compared. */
const train = ({ key, settings, data: wanted, group, stepwise = false }: ToLab & { type: 'train' }): void =>
  trained(key, async () => {
    const data = await choice.get(wanted)
    const name = dataChoices.find((choice) => choice === data.name)
    const named = wanted === 'files' || name === undefined ? 'files' : name
    await run({ key, settings, data: named, ...(group ? { group } : {}) }, data, { stepwise })
  })

const goOn = (key: string): void =>
  trained(key, async () => {
    const { resumable, checkpoint } = await keptCheckpoint(key)
    const data = await choice.get(resumable.data)
    const { settings, group } = resumable
    await run({ key, settings, data: resumable.data, ...(group ? { group } : {}) }, data, { resume: checkpoint })
  })

/** Whose weights read drawings while nothing trains. */
const restingOf = async (by: ReadBy): Promise<Resting> => {
  if (by === 'example') return example()
  if (by === 'initial') {
    const settings = form?.settings ?? defaultSettings
    experimentOf(settings, 'mnist') // a seed that is none is told
    return untrained(settings, choice.held?.data)
  }
  const known = runs.get(by.run)
  if (!known) throw new PageError('this run is kept no longer: choose another model to read with')
  const { history, experiment } = known.run
  const model = resolveModel(known.run.model.definition)
  return { model, weights: weightsOf(known), steps: history.stepLosses.length, normalize: experiment.normalize }
}

const restBy = (): void => {
  const backend = form?.settings.backend ?? 'wasm'
  const by = readBy
  reader.rest(
    () => restingOf(by),
    () => backendOf(backend),
  )
  readAtRest()
}

/** The data set of a run that is looked at, or why it is not to be had. */
const dataFor = async ({ key, run }: KnownRun): Promise<Dataset | string> => {
  const { held } = choice
  if (held && isDataOf(run, held.data)) return held.data
  const { name, title } = run.dataset
  const known = dataChoices.find((choice): choice is NamedChoice => choice === name && choice !== 'auto')
  if (known === undefined) return `its images are not at hand: give the files of "${shown(title)}"`
  try {
    const data = await datasets.load(known, (progress) => post({ type: 'look-loading', key, ...progress }))
    if (!isDataOf(run, data)) return 'the data set at hand is not the one that the run was trained on: the files differ'
    sendImages(figures, data)
    return data
  } catch (error) {
    const why = isAborted(error) ? 'loading was stopped' : failureOf(error).sentence.replace(/\.$/, '')
    return `its images are not at hand: ${why}`
  }
}

const prepare = async (key: string): Promise<void> => {
  try {
    const known = runs.get(key)
    if (!known) throw new PageError('this run is kept no longer: train it again')
    runParts(known, '') // damaged files are told before anything is loaded
    post({ type: 'parts', parts: runParts(known, await dataFor(known)) })
  } catch (error) {
    post({ type: 'look-failed', key, failure: failureOf(error) })
  }
}

/** Trains on a data set from now on, where no training goes on with another. */
const giveData = async (given: readonly GivenFile[]): Promise<void> => {
  const data = await datasetOf(given, (sentence) => post({ type: 'notice', sentence }))
  if (orders > 0)
    throw new PageError('a training goes on with the data set that is loaded: give another when it has ended')
  await choice.give(data, given)
  post({ type: 'opened', what: { kind: 'data', title: data.title, given } })
}

/** Opens the data set at an address, and answers once. */
const openAddress = async (address: string): Promise<void> => {
  try {
    const { file, preparation } = await fetchDataFile(address)
    await giveData([{ file, path: file.name, preparation }])
  } catch (error) {
    post({ type: 'not-opened', failure: failureOf(error) })
  }
}

/** Opens what was given, whatever it is, and answers once. */
const open = async (given: readonly GivenFile[]): Promise<void> => {
  try {
    const what = await sorted(given)
    switch (what.kind) {
      case 'run': {
        const known = await readRunFiles(`dropped-${newKey()}`, what.given)
        runs.set(known.key, known)
        return post({ type: 'opened', what: { kind: 'run', known } })
      }
      case 'data':
        return await giveData(what.given)
      case 'model':
        return post({ type: 'opened', what: { kind: 'model', name: shown(what.file.name), text: what.text } })
      case 'picture': {
        const { rgba, width, height } = await pixelsOf(what.file)
        reader.draw(rgba, width, height)
        readAtRest()
        return post({ type: 'opened', what: { kind: 'picture', name: shown(what.file.name) } })
      }
    }
  } catch (error) {
    post({ type: 'not-opened', failure: failureOf(error) })
  }
}

const load = async (name: NamedChoice): Promise<void> => {
  try {
    await choice.load(name)
  } catch (error) {
    if (error instanceof Superseded) return
    if (isAborted(error)) post({ type: 'load-cancelled' })
    else post({ type: 'data-failed', failure: failureOf(error) })
  }
}

/** Tells the page what this browser keeps; a browser that keeps nothing says so where a run is to be kept. */
const tellKept = async (): Promise<void> => {
  try {
    const kept = await keptRuns()
    for (const known of kept.runs) runs.set(known.key, known)
    const { resumable, unreadable } = await resumableRuns((resumable) => post({ type: 'resumable', resumable }))
    post({ type: 'kept', runs: kept.runs, resumable, unreadable: [...kept.unreadable, ...unreadable] })
  } catch {
    post({ type: 'kept', runs: [], resumable: [], unreadable: [] })
  }
}

const hello = ({ local, lock, figures: port }: ToLab & { type: 'hello' }): void => {
  figures = port
  datasets = createDatasets(post, local)
  choice = createChoice({ datasets, post, figures })
  // Held until this worker ends, whatever ends it: the page waits for it.
  if ('locks' in navigator)
    void navigator.locks.request(lock, () => {
      post({ type: 'alive' })
      return life
    })
  for (const id of pageBackends) void probe(id).then((probe) => post({ type: 'backend', id, probe }))
  void tellKept()
  onOthers(() => void tellKept())
  // A server that went away is told of where the data are loaded.
  datasets.served().then(
    (names) => post({ type: 'served', names }),
    () => post({ type: 'served', names: [] }),
  )
}

/** Changes what is kept. */
const change = (work: Promise<void>): void =>
  void work.catch((error: unknown) =>
    post({ type: 'notice', sentence: `What this browser keeps could not be changed: ${failureOf(error).sentence}` }),
  )

const receive = (message: ToLab): void => {
  switch (message.type) {
    case 'hello':
      return hello(message)
    case 'load':
      return void load(message.name)
    case 'cancel-load':
      return choice.cancel()
    case 'settings': {
      const elsewhere = form?.settings.backend !== message.settings.backend
      form = message
      if (job) return
      if (elsewhere) restBy()
      return describe()
    }
    case 'train':
      return train(message)
    case 'go-on':
      return goOn(message.key)
    case 'pause':
      return job?.pause()
    case 'resume':
      return job?.resume()
    case 'step':
      return job?.step()
    case 'pace':
      stepsPerSecond = message.stepsPerSecond ?? Infinity
      return job?.pace(stepsPerSecond)
    case 'stop':
      return job?.stop()
    case 'forget':
      return change(forget(message.key))
    case 'remove':
      runs.delete(message.key)
      return change(remove(message.key))
    case 'known':
      for (const known of message.runs) runs.set(known.key, known)
      return
    case 'prepare':
      return void prepare(message.key)
    case 'read-by':
      readBy = message.by
      return job ? undefined : restBy()
    case 'fetch':
      return void openAddress(message.address)
    case 'open':
      return void open(message.given)
    case 'files':
      return void datasetOf(message.given, (sentence) => post({ type: 'notice', sentence })).then(
        (data) => choice.give(data, message.given),
        (error: unknown) => post({ type: 'data-failed', failure: failureOf(error) }),
      )
    case 'drawing':
      return draw(() => reader.draw(message.rgba, message.width, message.height))
    case 'test-image':
      return draw(() => {
        if (!choice.held) throw new PageError('the data set is still being loaded: take a test image once it is there')
        reader.takeTestImage(choice.held.data)
      })
    case 'no-drawing':
      return reader.clear()
  }
}

const draw = (take: () => void): void => {
  try {
    take()
    readAtRest()
  } catch (error) {
    tellUnreadable(error)
  }
}

globalThis.onmessage = ({ data }: MessageEvent<ToLab>) => receive(data)
