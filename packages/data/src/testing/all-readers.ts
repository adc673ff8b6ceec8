// Every reader of a file that a stranger may bring, each given the same bytes.
import { decodeIdx } from '@digitlab/idx'
import { notOneLine } from '../../../../tooling/vitest/sentence'
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
 * @throws what one throws or tells that is no sentence for who brought the file
 */
export const readByAll = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
  const checked = (sentence: string): void => {
    const wrong = notOneLine(sentence)
    if (wrong !== undefined) throw new TypeError(`no sentence for who brought the file: ${wrong}`)
  }
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
    async () => {
      const told: string[] = []
      const onNotice = (sentence: string) => void told.push(sentence)
      const options = { name: 'x', preparation: { test: 0.5 }, onNotice }
      try {
        const { notice } = await datasetFromFileList([new File([bytes], 'x')], options)
        if (notice !== undefined) told.push(notice)
      } finally {
        told.forEach(checked)
      }
    },
  ]
  for (const read of readers)
    try {
      await read()
    } catch (error) {
      if (!(error instanceof Error && 'mendable' in error)) throw error
      checked(error.message)
    }
}
