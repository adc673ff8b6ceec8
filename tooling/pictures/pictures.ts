// `npm run pictures`: trains the case study by the command, draws it, and records the page.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { loadDataset } from '@digitlab/data/node'
import { parseRun, predictionsFile } from '@digitlab/train'
import { readPredictionsFile } from '../../apps/cli/src/predictions-file'
import { mnistFolder } from '../vitest/golden'
import { drawnPictures, picturesFolder, readStudy, root, studyFile } from './drawn'
import { writePreview } from './preview'
import { record } from './recording'
import { studyOf, type EndedRun } from './study'
import { writeStudyTable } from './study-table'

const usage = `npm run pictures [-- options]

Makes the pictures of the README again, into docs/pictures: trains the case study on MNIST (a minute), draws it, and
records the page in Chromium.

  --no-training   draw the runs that are kept in docs/pictures/study.json
  --no-recording  leave the recording of the page as it is`

const command = join(root, 'apps', 'cli', 'bin', 'digitlab.js')
const models = ['linear', 'two-layer', 'cnn'] as const

/** Trains the three models as `npm start` does. */
const trained = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'digitlab-pictures-'))
  try {
    await execa('node', [command, 'compare', '--dataset', 'mnist', ...dataFolder(), '--out', join(folder, 'study')], {
      stdio: 'inherit',
    })
    const ended = await Promise.all(models.map((model) => readEnded(join(folder, 'study', `${model}-wasm-seed0`))))
    const data = mnistFolder()
    const dataset = await loadDataset('mnist', data === undefined ? {} : { folder: data })
    await writeFile(studyFile, `${JSON.stringify(studyOf(ended, dataset))}\n`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const dataFolder = (): string[] => {
  const folder = mnistFolder()
  return folder === undefined ? [] : ['--data-dir', folder]
}

const readEnded = async (folder: string): Promise<EndedRun> => {
  const run = parseRun(await readFile(join(folder, 'run.json'), 'utf8'))
  const predictions = await readPredictionsFile(join(folder, predictionsFile), run)
  if (!predictions) throw new Error(`expected ${predictionsFile} in ${folder}`)
  return { run, predictions }
}

const main = async (given: readonly string[]): Promise<void> => {
  if (given.includes('--help')) return console.log(usage)
  const unknown = given.find((word) => !['--no-training', '--no-recording'].includes(word))
  if (unknown !== undefined) throw new Error(`unknown option ${unknown}\n\n${usage}`)
  await mkdir(picturesFolder, { recursive: true })
  if (!given.includes('--no-training')) await trained()
  const study = await readStudy()
  for (const [name, svg] of await drawnPictures(study)) await writeFile(join(picturesFolder, name), svg)
  await writePreview()
  await writeStudyTable(study, join(root, 'README.md'))
  if (!given.includes('--no-recording')) await record(command, dataFolder())
  console.log(`written to ${picturesFolder}`)
}

await main(process.argv.slice(2))
