import { selectBackend, type Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { loadDataset, type DownloadProgress } from '@digitlab/data/node'
import { backends, type GpuFlags } from './backends'
import { grouped, note } from './output'
import { UsageError } from './usage-error'

/** Tells on standard error how downloads go on: a line drawn over in a terminal, else one line a file. */
export const downloadLine = (): ((progress: DownloadProgress) => void) => {
  let told = 0
  return ({ file, received, total }) => {
    const now = performance.now()
    const done = received === total
    if (!done && (now - told < 250 || !process.stderr.isTTY)) return
    told = now
    const line = `downloading ${file}: ${grouped(received)} of ${total === undefined ? 'unknown' : grouped(total)} bytes`
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${line}${done ? '\n' : ''}` : `${line}\n`)
  }
}

/** Loads a data set, telling on standard error where it came from and how a download goes on. */
export const load = async (name: string, folder: string | undefined, signal?: AbortSignal): Promise<Dataset> => {
  const data = await loadDataset(name, {
    ...(folder === undefined ? {} : { folder }),
    ...(signal === undefined ? {} : { signal }),
    onNotice: note,
    onProgress: downloadLine(),
  })
  const counts = `${grouped(data.train.count)} training and ${grouped(data.test.count)} test images`
  note(`data set: ${data.title} from ${data.origin} (${counts})`)
  if (data.notice !== undefined) note(`\n*** ${data.notice} ***\n`)
  return data
}

/** Chooses a backend; where `auto` chose it, tells what it is and what was passed over. What would help, `backends` tells. */
export const choose = async (wanted: string, gpu: GpuFlags = {}): Promise<Backend> => {
  const { backend, device, passedOver } = await selectBackend(backends(gpu), wanted)
  note(`backend: ${backend.id} (${device})${wanted === 'auto' ? ', chosen by auto' : ''}`)
  for (const { id, reason } of passedOver) note(`  passed over ${id}: ${reason}`)
  return backend
}

/** Refuses options of the cuda backend where it is not among what computes. */
export const checkGpuFlags = ({ device, tf32 }: GpuFlags, wanted: readonly string[]): void => {
  const given = device !== undefined ? '--device' : tf32 ? '--tf32' : undefined
  if (given !== undefined && !wanted.some((id) => ['auto', 'all', 'cuda'].includes(id)))
    throw new UsageError(
      `${given} belongs to --backend cuda, and ${wanted.join(', ')} was asked for: leave one of them out`,
    )
}
