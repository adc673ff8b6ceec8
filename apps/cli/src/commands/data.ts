import { archivedNames, archivedSets, bytesOfImage, catalogueNames, inspectDataset } from '@digitlab/data'
import { datasetInfo, fetchDataset, verifyDataset, type DatasetInfo } from '@digitlab/data/node'
import { greyImages, gridPng, grouped, imageGrid, terminalGrid } from '@digitlab/report'
import { Argument, Command, Option } from 'commander'
import { clean } from '../clean'
import { interruptible } from '../interrupt'
import { downloadLine, load } from '../load'
import { shared } from '../options'
import { note, writeResult } from '../output'
import { addPreparation, type PreparationFlags } from '../preparation-options'
import { drawnSize } from '../report-input'
import { checkPng, paintsPictures, terminal, writePng } from '../terminal'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

interface Flags {
  readonly json?: boolean
  readonly dataDir?: string
}

const within = (dataDir: string | undefined) => (dataDir === undefined ? {} : { folder: dataDir })

const named = (names: readonly string[] = catalogueNames) =>
  new Argument('[name]', 'the data set').choices(names).default('mnist')

const whereIs = ({ name, origin, folder }: Pick<DatasetInfo, 'name' | 'origin' | 'folder'>): string =>
  origin === null
    ? `not on this machine${folder === null ? '' : `; "digitlab data fetch ${name}" would keep it in ${folder}`}`
    : `in ${origin}${folder === null || origin.endsWith(folder) ? '' : `: ${folder}`}`

export const dataCommand = (): Command =>
  outlined('data')
    .addCommand(
      new Command('fetch')
        .description('Download and verify what the cache is missing of a data set.')
        .addArgument(named([...catalogueNames, ...archivedNames]))
        .addOption(shared.json())
        .action(async (name: string, { json = false }: Flags) => {
          const fetched = await interruptible(
            'stopping; the partial download is kept and resumed next time ...',
            (signal) => fetchDataset(name, { signal, onProgress: downloadLine() }),
          )
          writeResult(
            json,
            () => fetched,
            () =>
              [...fetched.files.map((file) => `${file.status.padEnd(10)}  ${file.name}`), `in ${fetched.folder}`].join(
                '\n',
              ),
          )
        }),
    )
    .addCommand(
      new Command('verify')
        .description(
          'Check the files of a data set, where training would read them, against their published hashes; downloads nothing.',
        )
        .addArgument(named())
        .addOption(shared.dataDir('where the files are (else DIGITLAB_DATA, the cache)'))
        .addOption(shared.json())
        .action(async (name: string, { json = false, dataDir }: Flags) => {
          const found = await verifyDataset(name, within(dataDir))
          writeResult(
            json,
            () => found,
            () =>
              [
                ...found.files.map(
                  (file) =>
                    `${file.status.padEnd(8)}  ${file.name}${file.problem === undefined ? '' : `: ${file.problem}`}`,
                ),
                `in ${found.folder}`,
              ].join('\n'),
          )
          const remedy = found.origin === 'the cache' ? `run "digitlab data fetch ${name}"` : 'put its four files there'
          if (!found.whole) throw new UsageError(`${name} is not whole in ${found.origin}: ${remedy}`)
        }),
    )
    .addCommand(infoCommand())

interface InfoFlags extends Flags, PreparationFlags {
  readonly dataset?: string
  readonly out?: string
}

const infoCommand = (): Command =>
  addPreparation(
    new Command('info')
      .description(
        'What each data set is, where it comes from, and where on this machine it is; of one that is named, or lies at a path or an address: what is in it, how nine of its images look, and what looks wrong.',
      )
      .argument('[path]', 'a data set, a folder, a file or an address')
      .addOption(new Option('--dataset <name>').hideHelp())
      .addOption(shared.dataDir('look there as well (besides DIGITLAB_DATA and the cache)'))
      .option('--out <file>', 'write the nine images to this PNG file')
      .addOption(shared.json()),
  )
    .hook('preAction', (_, acting) => {
      const [path] = acting.args
      const made = acting.getOptionValue('dataset') as string | undefined
      // The options that say what is made of it were put behind a name that was not given here.
      if (path === undefined || made === undefined) return
      const [, said = ''] = made.split('#')
      acting.setOptionValueWithSource('dataset', `${path}${path.includes('#') ? '&' : '#'}${said}`, 'cli')
    })
    .action(async (path: string | undefined, flags: InfoFlags) => {
      if (path === undefined) return listAll(flags)
      return inspect(flags.dataset ?? path, flags)
    })

const inspect = async (name: string, { json = false, dataDir, out, classNames: file }: InfoFlags): Promise<void> => {
  checkPng(out)
  const data = await load(name, dataDir, { stream: false, classNames: file }) // duplicates are looked for among all images
  const { counts, duplicates, findings } = inspectDataset(data)
  const size = drawnSize(data.imageShape)
  const shown = Math.min(9, data.train.count)
  const images = data.train.images.subarray(0, shown * bytesOfImage(data.imageShape))
  const labels = Array.from(data.train.labels.subarray(0, shown), (label) => data.classNames[label] ?? String(label))
  if (out !== undefined) await writePng(out, gridPng(imageGrid(images, { ...size, captions: labels })))
  const grey = greyImages({ ...size, pixels: images })
  const { format, title, classNames, train, test, imageShape, files, origin } = data
  writeResult(
    json,
    () => ({
      dataset: data.name,
      format: format ?? null,
      ...{ title, origin, imageShape, classNames, trainCount: train.count, testCount: test.count },
      ...{ counts, duplicates, findings, files, out: out ?? null },
    }),
    () =>
      [
        `${clean(title)}: ${format ?? 'drawn by digitlab'}, ${grouped(train.count)} training and ${grouped(test.count)} test images of ${imageShape.join(' x ')}`,
        `${classNames.length} classes, each with its images to train and to test on:`,
        ...wrapped(
          classNames.map(
            (one, i) => `${clean(one)} ${grouped(counts.train[i] ?? 0)} + ${grouped(counts.test[i] ?? 0)}`,
          ),
        ),
        terminalGrid(grey.pixels, { height: grey.height, width: grey.width, labels: labels.map(clean), ...terminal() }),
        ...(findings.length === 0 ? ['nothing looks wrong'] : findings.map((finding) => `? ${clean(finding)}`)),
        ...(out === undefined ? [] : [`written to ${clean(out)}`]),
      ].join('\n'),
    paintsPictures(),
  )
}

/** Words in lines of 78 characters, two in from the left. */
const wrapped = (words: readonly string[]): readonly string[] => {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 76) lines[lines.length - 1] = `${last}, ${word}`
    else lines.push(`  ${word}`)
  }
  return lines
}

const listAll = async ({ json = false, dataDir }: Flags): Promise<void> => {
  const sets = await datasetInfo({ ...within(dataDir), onNotice: note })
  writeResult(
    json,
    () => ({ datasets: sets }),
    () =>
      [
        ...sets.map(({ name, title, origin, folder, classNames, mirrors, files }) => {
          const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
          return [
            `${name}: ${title}, ${classNames.length} classes (${classNames.join(', ')})`,
            `  ${whereIs({ name, origin, folder })}`,
            `  ${bytes === 0 ? 'no published hashes' : `${grouped(bytes)} bytes, verified by SHA-256`}, from ${mirrors.join(' ')}`,
          ].join('\n')
        }),
        ...archivedNames.map((name) => {
          const { title, classNames, counts, files, variants } = archivedSets[name]
          const [train, test] = counts.map(grouped)
          const held = files[0]?.sha256 === undefined ? 'MD5' : 'SHA-256'
          return [
            `${name}: ${title}, ${classNames.size} classes, ${train} training and ${test} test images${variants ? ` under each of ${variants.length} names, as ${name}/${variants[1]}` : ''}`,
            `  kept in an archive: fetched when it is asked for, held to its ${held}, from ${files[0]?.urls[0]}`,
          ].join('\n')
        }),
      ].join('\n'),
  )
}
