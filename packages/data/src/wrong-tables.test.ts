// Tables that are wrong are refused with their row.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DataError } from './index'
import { loadDataset } from './node'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-tables-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const refused = async (text: string, sentence: string | RegExp) => {
  await writeFile(join(folder, 'wrong.csv'), text)
  const reading = loadDataset(`${join(folder, 'wrong.csv')}#test=0.5`)
  await expect(reading).rejects.toBeInstanceOf(DataError)
  await expect(reading).rejects.toThrow(sentence)
}
const row = (label: string, pixel = '7') => [label, ...new Array<string>(16).fill(pixel)].join(',')

test.each([
  [
    'a shorter row',
    `${row('0')}\n${row('1')}\n1,2,3\n`,
    'expected 17 columns as in the first row, found 3 in row 3 (wrong.csv)',
  ],
  ['a longer row', `${row('0')}\n${row('1')},9\n`, 'expected 17 columns as in the first row, found 18 in row 2'],
  [
    'a label that is not a number',
    `${row('0')}\n${row('two')}\n`,
    'expected a number, found "two" in row 2, column 1 (wrong.csv): number the classes from 0',
  ],
  [
    'a label below 0',
    `${row('0')}\n${row('-1')}\n`,
    'expected a label as a whole number from 0, found -1 in row 2, column 1',
  ],
  ['a label of many classes', `${row('0')}\n${row('4000')}\n`, /expected labels from 0 to 255/],
  [
    'a pixel above 255',
    `${row('0')}\n${row('1', '256')}\n`,
    'expected pixels from 0 to 255, found 256 in row 2, column 2',
  ],
  ['a pixel that is missing', `${row('0')}\n${row('1', '')}\n`, 'expected a number, found nothing in row 2, column 2'],
  [
    'images that are not square',
    `1,${new Array(14).fill('3').join(',')}\n`,
    'as 784 for 28 x 28, and a label, wrong.csv has 15 columns',
  ],
  ['no rows', `label,${Array.from({ length: 16 }, (_, i) => `p${i}`).join(',')}\n`, 'wrong.csv has none'],
])('%s', (_, text, sentence) => refused(text, sentence))

test('one of images that are not square is read where their size is said', async () => {
  await writeFile(
    join(folder, 'wide.csv'),
    `${[0, ...new Array<number>(12).fill(3)].join(',')}\n${[1, ...new Array<number>(12).fill(9)].join(',')}\n`,
  )
  expect((await loadDataset(`${join(folder, 'wide.csv')}#test=0.5&size=3x4`)).imageShape).toEqual([3, 4])
})
