// Every reader of a file that a stranger may bring, each given the same bytes.
import { decodeIdx } from '@digitlab/idx'
import type { StoredArray } from '../stored-array'
import { arraysInCsv } from '../csv'
import { arraysInNpy, arraysInNpz } from '../npy'
import { arraysInParquet } from '../parquet'
import { decodePng } from '../png'
import { arraysInSafetensors } from '../safetensors'
import { datasetFromFileList } from '../web'
import { filesInZip } from '../zip-files'

/**
 * What each reader makes of the bytes.
 *
 * @throws what one throws that is no sentence for who brought the file
 */
export const readByAll = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
  const file = { name: 'x', read: async () => bytes, open: () => new Blob([bytes]).stream() }
  const whole = async (arrays: Promise<readonly StoredArray[]>): Promise<void> => {
    for (const array of await arrays) await array.read()
  }
  const readers = [
    ...[arraysInCsv, arraysInNpy, arraysInNpz, arraysInParquet, arraysInSafetensors].map(
      (read) => () => whole(read(file)),
    ),
    async () => decodePng(bytes, 'x'),
    () => decodeIdx(bytes),
    async () => {
      for (const { read } of await filesInZip({ ...file, path: 'x' })) await read()
    },
    () => datasetFromFileList([new File([bytes], 'x')], { name: 'x', preparation: { test: 0.5 } }),
  ]
  for (const read of readers)
    try {
      await read()
    } catch (error) {
      if (!(error instanceof Error && 'mendable' in error)) throw error
    }
}
