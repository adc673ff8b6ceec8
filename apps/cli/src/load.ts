import type { Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { loadDataset, type DownloadProgress } from '@digitlab/data/node'
import { grouped } from '@digitlab/report'
import type { GpuFlags } from './backends'
import { datasetPlace } from './dataset-place'
import { bar, fitted } from './fitted'
import { nearest } from './nearest'
import { mayHaveNvidiaGpu } from './nvidia'
import { detail, drawLive, liveWidth, note, warn } from './output'
import { OptionError, UsageError } from './usage-error'

/** Tells on standard error the progress of downloads: a line drawn over in a terminal, and one that stays for each file. */
export const downloadLine = (): ((progress: DownloadProgress) => void) => {
  let told = 0
  return ({ file, received, total }) => {
    const now = performance.now()
    const done = received === total
    if (!done && now - told < 250) return
    told = now
    const line = `downloading ${file}: ${grouped(received)} of ${total === undefined ? 'unknown' : grouped(total)} bytes`
    if (done) return note(line)
    const width = liveWidth()
    const share = total === undefined ? [] : [{ spans: bar(received / total, width < 72 ? 8 : 20), spare: 0 }]
    drawLive(fitted([{ spans: [line] }, ...share], width))
  }
}

/** How a data set is read. */
interface Reading {
  readonly signal?: AbortSignal
  readonly stream?: boolean | undefined
  readonly classNames?: string | undefined
}

/**
 * Begins to read a data set: what computes can be loaded meanwhile. A folder that is given takes the place of one that the data set is named
 * by.
 *
 * @returns waits for it, telling on standard error where it came from and the progress of a download
 */
export const beginToLoad = (
  named: string,
  dataDir: string | undefined,
  { signal, stream, classNames }: Reading = {},
): (() => Promise<Dataset>) => {
  const { dataset: name, folder } = datasetPlace(named, dataDir)
  const untold: string[] = []
  let tell = (sentence: string): void => void untold.push(sentence)
  const reading = loadDataset(name, {
    ...(stream === undefined ? {} : { stream }),
    ...(classNames === undefined ? {} : { classNames }),
    ...(folder === undefined ? {} : { folder }),
    ...(signal === undefined ? {} : { signal }),
    // Loaded where a picture is met other than PNG: its WebAssembly is large.
    decodePicture: async (bytes, name) => (await import('./picture/read-picture')).decodePicture(bytes, name),
    onNotice: (sentence) => tell(sentence),
    onProgress: downloadLine(),
  })
  reading.catch(() => {}) // met where it is waited for
  return async () => {
    drawLive('reading the data set ...')
    for (const sentence of untold) note(sentence)
    tell = note
    const data = await reading
    const counts = `${grouped(data.train.count)} training and ${grouped(data.test.count)} test images`
    note(`data set: ${data.title} from ${data.origin} (${counts})`)
    if (data.notice !== undefined) warn(`\n*** ${data.notice} ***\n`)
    return data
  }
}

/** Loads a data set, telling on standard error where it came from and the progress of a download. */
export const load = (name: string, dataDir: string | undefined, reading: Reading = {}): Promise<Dataset> =>
  beginToLoad(name, dataDir, reading)()

/**
 * Chooses backends; where `auto` chose one, tells what it is, and what comes before it and is not available. What would help, `backends` tells.
 *
 * @throws OptionError if there is none of that name; UsageError if options of the cuda backend were given and it is not among
 * those chosen
 */
export const chooseEach = async (wanted: readonly string[], gpu: GpuFlags = {}): Promise<Backend[]> => {
  const [{ selectBackend }, { backends }] = await Promise.all([import('@digitlab/backends'), import('./backends')])
  const known = backends(gpu)
  const ids = known.map(({ id }) => id)
  const unknown = wanted.find((id) => id !== 'auto' && !ids.some((known) => known === id))
  if (unknown !== undefined)
    throw new OptionError(
      `there is no backend "${unknown}"${nearest(unknown, ['auto', ...ids])}: choose auto or one of ${ids.join(', ')}`,
    )
  const chosen: Backend[] = []
  for (const id of wanted) {
    drawLive('looking for a backend ...')
    const { backend, device, unavailable } = await selectBackend(known, id)
    note(`backend: ${backend.id} (${device})${id === 'auto' ? ', chosen by auto' : ''}`)
    for (const { id, reason } of unavailable) {
      const sentence = `  ${id} is not available: ${reason}`
      if (id === 'cuda' && !mayHaveNvidiaGpu(gpu)) detail(sentence)
      else note(sentence)
    }
    chosen.push(backend)
  }
  checkGpuFlags(
    gpu,
    chosen.map(({ id }) => id),
    'was chosen',
  )
  return chosen
}

/** As {@link chooseEach}, of one. */
export const choose = async (wanted: string, gpu: GpuFlags = {}): Promise<Backend> => {
  const [backend] = await chooseEach([wanted], gpu)
  return backend as Backend // one was asked for
}

/** Refuses options of the cuda backend where it is not, or can't become, what computes. */
export const checkGpuFlags = ({ device, tf32 }: GpuFlags, wanted: readonly string[], how = 'was asked for'): void => {
  const given = device !== undefined ? '--device' : tf32 ? '--tf32' : undefined
  if (given !== undefined && !wanted.some((id) => ['auto', 'all', 'cuda'].includes(id)))
    throw new UsageError(
      `${given} belongs to --backend cuda, and ${wanted.join(', ')} ${how}: leave it out, or name cuda to see why it is not available`,
    )
}
