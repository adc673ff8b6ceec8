// The pictures that are drawn from numbers, as they must be: "npm run pictures" writes them, and a test compares them.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileOf, looks } from './look'
import { sameSeedPicture, type Trace } from './same-seed-picture'
import type { Study } from './study'
import { studyPicture } from './study-picture'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const picturesFolder = join(root, 'docs', 'pictures')
export const studyFile = join(picturesFolder, 'study.json')

const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8')) as unknown

/** PyTorch's runs of the case study. */
export const readTraces = async (): Promise<Trace[]> => {
  const folder = join(root, 'tooling', 'reference', 'traces')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  return Promise.all(names.map(async (name) => (await json(join(folder, name))) as Trace))
}

export const readStudy = async (): Promise<Study> => (await json(studyFile)) as Study

/** Every drawn picture by the name of its file. */
export const drawnPictures = async (study: Study): Promise<ReadonlyMap<string, string>> => {
  const traces = await readTraces()
  return new Map(
    looks.flatMap((look) => [
      [fileOf('study', look), studyPicture(study, look)] as const,
      [fileOf('same-seed', look), sameSeedPicture(study, traces, look)] as const,
    ]),
  )
}
