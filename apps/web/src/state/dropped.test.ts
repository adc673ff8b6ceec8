import { expect, test } from 'vitest'
import { droppedFiles } from './dropped'

const fileEntry = (path: string) => ({
  isFile: true,
  isDirectory: false,
  fullPath: path,
  file: (resolve: (file: File) => void) => resolve(new File(['x'], path.split('/').at(-1) ?? '')),
})

/** A folder whose reader hands out a hundred entries at a time, as browsers do. */
const folderEntry = (path: string, inner: readonly object[]) => ({
  isFile: false,
  isDirectory: true,
  fullPath: path,
  createReader() {
    let at = 0
    return { readEntries: (resolve: (some: readonly object[]) => void) => resolve(inner.slice(at, (at += 100))) }
  },
})

const drop = (...entries: readonly object[]): DataTransfer =>
  ({
    items: entries.map((entry) => ({ kind: 'file', webkitGetAsEntry: () => entry })),
    files: entries.map(() => new File([], 'folder')),
  }) as unknown as DataTransfer

test('a folder gives the files in it and in the folders in it, each with its path', async () => {
  const inner = folderEntry('/mine/deeper', [fileEntry('/mine/deeper/c')])
  const found = await droppedFiles(drop(folderEntry('/mine', [fileEntry('/mine/a'), inner]), fileEntry('/b')))
  expect(found.map(({ path }) => path)).toEqual(['mine/a', 'mine/deeper/c', 'b'])
  expect(found.map(({ file }) => file.name)).toEqual(['a', 'c', 'b'])
})

test('a folder of more than a hundred files is read to its end, one of more than five hundred refused', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => fileEntry(`/m/${i}`))
  expect(await droppedFiles(drop(folderEntry('/m', many(250))))).toHaveLength(250)
  await expect(droppedFiles(drop(folderEntry('/m', many(501))))).rejects.toThrow('more than 500 files')
})
