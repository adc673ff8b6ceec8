// The worker that computes: it probes backends, loads data, trains and reads drawings. The page only draws.
import { catalogueEntry, type Dataset } from '@digitlab/data'
import { resolveModel } from '@digitlab/models'
import { experimentId } from '@digitlab/train'
import type { DataChoice, FromLab, Group, KnownRun, Settings, ToLab } from '../protocol'
import type { ToFigures } from '../figures/protocol'
import { backendOf, probeAll } from './backends'
import { createDatasets, type Datasets } from './datasets'
import { failureOf, isAborted, PageError } from './failure'
import { experimentOf, startJob, type Job } from './job'
import { forget, keepFiles, keptCheckpoint, keptFiles, keptRuns, resumableRuns } from './kept'
import { createReader, untrained } from './reader'
import { isDataOf, readRunFiles, runParts, weightsOf } from './run-parts'

const post = (message: FromLab): void => globalThis.postMessage(message)

const reader = createReader(post)
const runs = new Map<string, KnownRun>()
let datasets: Datasets
let figures: MessagePort
let chosen: { readonly choice: DataChoice; readonly data: Dataset } | undefined
let settings: Settings | undefined
let job: Job | undefined
/** Never ends. In a variable, as a lock on a promise that nobody holds would be free once it is collected. */
const life = new Promise<never>(() => {})
/** What computes, one after the other: a drawing is not read by one backend while another one starts. */
let computing: Promise<unknown> = Promise.resolve()

const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
  const next = computing.then(work, work)
  computing = next.catch(() => {})
  return next
}

const toFigures = (message: ToFigures, transfer: Transferable[] = []): void => figures.postMessage(message, transfer)

const sendImages = (data: Dataset): void => {
  const { imageShape, classNames, files, name } = data
  const [height, width] = imageShape
  const split = ({ images, labels }: Dataset['train']) => ({ images: images.slice(), labels: labels.slice() })
  const size = Math.min(data.train.count, 10_000) // as many as anybody looks through
  const train = {
    images: data.train.images.slice(0, size * height * width),
    labels: data.train.labels.slice(0, size),
  }
  const test = split(data.test)
  const hashes = files.map(({ sha256 }) => sha256).join()
  toFigures(
    { type: 'images', id: `${name} ${hashes}`, height, width, classNames, train, test },
    [train, test].flatMap(({ images, labels }) => [images.buffer, labels.buffer]),
  )
}

const take = (choice: DataChoice, data: Dataset): Dataset => {
  chosen = { choice, data }
  sendImages(data)
  const { train, test, ...rest } = data
  post({ type: 'data', data: { ...rest, choice, trainCount: train.count, testCount: test.count } })
  describe()
  return data
}

/** The chosen data set, loaded where it is not. @throws DataError where it can't be had */
const dataOf = async (choice: DataChoice): Promise<Dataset> => {
  if (chosen && (chosen.choice === choice || chosen.data.name === choice)) return chosen.data
  if (choice === 'files') {
    const files = await keptFiles().catch(() => undefined)
    if (files) return take(choice, await datasets.loadFiles(files))
    throw new PageError('the files of this data set are not at hand: drop its four IDX files once more, then go on')
  }
  return take(choice, await datasets.load(choice))
}

/** Answers for the form: the id of its experiment, and the initial weights of its model for drawings. */
const describe = (): void => {
  if (!settings) return
  const given = settings
  try {
    const experiment = experimentOf(given, chosen?.data.name ?? 'mnist')
    void experimentId(experiment).then((id) => post({ type: 'experiment', id }))
  } catch (error) {
    post({ type: 'experiment', problem: failureOf(error).sentence })
    return
  }
  reader.rest(untrained(given.model, given.seed, chosen?.data), () => backendOf(given.backend))
  readAtRest()
}

const readAtRest = (): void => {
  if (job) return job.wake()
  exclusively(async () => {
    if (!job) await reader.readAtRest()
  }).catch((error: unknown) => post({ type: 'unreadable', sentence: failureOf(error).sentence }))
}

/** Trains, and goes on with what is still to be compared. */
const train = async (key: string, given: Settings, choice: DataChoice, group?: Group): Promise<void> => {
  if (job) return
  try {
    const data = await dataOf(choice)
    const named: DataChoice = choice === 'files' ? 'files' : (data.name as DataChoice)
    await run({ key, settings: given, data: named, ...(group ? { group } : {}) }, data)
  } catch (error) {
    if (isAborted(error)) return post({ type: 'load-cancelled' })
    post({ type: 'failed', failure: failureOf(error), fresh: false })
  }
}

type Order = Parameters<typeof startJob>[0]['order']

const run = (order: Order, data: Dataset, resume?: Parameters<typeof startJob>[0]['resume']): Promise<void> =>
  exclusively(async () => {
    const started = startJob({ order, data, reader, post, ...(resume ? { resume } : {}) })
    job = started.job
    const known = await started.ended
    job = undefined
    if (!known) return describe()
    runs.set(known.key, known)
    restWith(known)
  })

/** Drawings are read with a run's weights from now on. */
const restWith = (known: KnownRun): void => {
  const backend = settings?.backend ?? 'wasm'
  const steps = known.run.history.stepLosses.length
  reader.rest({ model: resolveModel(known.run.model.definition), weights: weightsOf(known), steps }, () =>
    backendOf(backend),
  )
  readAtRest()
}

const goOn = async (key: string): Promise<void> => {
  if (job) return
  try {
    const kept = await keptCheckpoint(key)
    if (!kept) throw new PageError('this run is not kept any more: train it anew')
    const { resumable, checkpoint } = kept
    const data = await dataOf(resumable.data)
    const { settings: given, group } = resumable
    await run({ key, settings: given, data: resumable.data, ...(group ? { group } : {}) }, data, checkpoint)
  } catch (error) {
    if (isAborted(error)) return post({ type: 'load-cancelled' })
    post({ type: 'failed', failure: failureOf(error), fresh: false })
  }
}

/** The data set of a run that is looked at, or why it is not to be had. */
const dataFor = async ({ run }: KnownRun): Promise<Dataset | string> => {
  if (chosen && isDataOf(run, chosen.data)) return chosen.data
  const { name, title } = run.dataset
  if (name !== 'strokes' && !catalogueEntry(name))
    return `its images are not at hand: drop the four IDX files of "${title}"`
  try {
    const data = await datasets.load(name as Exclude<DataChoice, 'files'>)
    if (!isDataOf(run, data)) return 'the data set at hand is not the one that the run was trained on: the files differ'
    sendImages(data)
    return data
  } catch (error) {
    return `its images are not at hand: ${failureOf(error).sentence.replace(/\.$/, '')}`
  }
}

const look = async (key: string, readWithIt: boolean): Promise<void> => {
  try {
    const known = runs.get(key)
    if (!known) throw new PageError('this run is not kept any more: train it anew')
    post({ type: 'parts', parts: runParts(known, await dataFor(known)) })
    if (readWithIt && !job) restWith(known)
  } catch (error) {
    post({ type: 'look-failed', key, failure: failureOf(error) })
  }
}

const openFiles = async (files: readonly File[]): Promise<void> => {
  try {
    const known = await readRunFiles(`dropped-${crypto.randomUUID()}`, files)
    runs.set(known.key, known)
    post({ type: 'opened', known })
  } catch (error) {
    post({ type: 'open-failed', failure: failureOf(error) })
  }
}

const loadInto = async (choice: DataChoice, load: () => Promise<Dataset>): Promise<void> => {
  try {
    take(choice, await load())
  } catch (error) {
    if (isAborted(error)) return post({ type: 'load-cancelled' })
    post({ type: 'data-failed', failure: failureOf(error) })
  }
}

const hello = async ({ local, lock, figures: port }: ToLab & { type: 'hello' }): Promise<void> => {
  figures = port
  datasets = createDatasets(post, local)
  // Held until this worker ends, whatever ends it: the page waits for it.
  if ('locks' in navigator)
    void navigator.locks.request(lock, () => {
      post({ type: 'alive' })
      return life
    })
  try {
    const kept = await keptRuns()
    for (const known of kept) runs.set(known.key, known)
    post({
      type: 'kept',
      runs: kept,
      resumable: await resumableRuns((resumable) => post({ type: 'resumable', resumable })),
    })
  } catch {
    post({ type: 'kept', runs: [], resumable: [] }) // a browser that keeps nothing: said where a run would be kept
  }
  const served = datasets.served().catch(() => []) // a server that went away: said where the data are loaded
  post({ type: 'backends', probes: await probeAll() })
  post({ type: 'served', names: await served })
}

const receive = (message: ToLab): void => {
  switch (message.type) {
    case 'hello':
      return void hello(message)
    case 'load':
      return void loadInto(message.name, () => datasets.load(message.name))
    case 'load-files':
      return void loadInto('files', async () => {
        const data = await datasets.loadFiles(message.files)
        await keepFiles(message.files).catch(() => {}) // they are at hand all the same until the page is closed
        return data
      })
    case 'cancel-load':
      return datasets.cancel()
    case 'settings':
      settings = message.settings
      return job ? undefined : describe()
    case 'train':
      return void train(message.key, message.settings, message.data, message.group)
    case 'go-on':
      return void goOn(message.key)
    case 'pause':
      return job?.pause()
    case 'resume':
      return job?.resume()
    case 'stop':
      return job?.stop()
    case 'forget':
      return void forget(message.key).catch(() => {})
    case 'known':
      for (const known of message.runs) runs.set(known.key, known)
      return
    case 'prepare':
    case 'look':
      return void look(message.key, message.type === 'look')
    case 'open-files':
      return void openFiles(message.files)
    case 'drawing':
      return draw(message)
    case 'test-image':
      if (chosen) reader.takeTestImage(chosen.data)
      return readAtRest()
    case 'no-drawing':
      return reader.clear()
  }
}

const draw = ({ rgba, width, height }: ToLab & { type: 'drawing' }): void => {
  try {
    reader.draw(rgba, width, height)
    readAtRest()
  } catch (error) {
    post({ type: 'unreadable', sentence: failureOf(error).sentence })
  }
}

globalThis.onmessage = ({ data }: MessageEvent<ToLab>) => receive(data)
