import { catalogueNames } from '@digitlab/data'
import { datasetInfo, fetchDataset, verifyDataset, type DatasetInfo } from '@digitlab/data/node'
import { Argument, Command } from 'commander'
import { interruptible } from '../interrupt'
import { downloadLine } from '../load'
import { shared } from '../options'
import { grouped, note, writeResult } from '../output'
import { UsageError } from '../usage-error'

interface Flags {
  readonly json?: boolean
  readonly dataDir?: string
}

const within = (dataDir: string | undefined) => (dataDir === undefined ? {} : { folder: dataDir })

const named = () => new Argument('[name]', 'the data set').choices(catalogueNames).default('mnist')

const whereIs = ({ name, origin, folder }: Pick<DatasetInfo, 'name' | 'origin' | 'folder'>): string =>
  origin === null
    ? `not on this machine${folder === null ? '' : `; "digitlab data fetch ${name}" would keep it in ${folder}`}`
    : `in ${origin}${folder === null || origin.endsWith(folder) ? '' : `: ${folder}`}`

export const dataCommand = (): Command =>
  new Command('data')
    .description('The data sets: fetch, verify, and where they are.')
    .addCommand(
      new Command('fetch')
        .description('Download what the cache lacks of a data set, verified.')
        .addArgument(named())
        .addOption(shared.json())
        .action(async (name: string, { json = false }: Flags) => {
          const fetched = await interruptible('stopping; what came is kept and gone on with next time ...', (signal) =>
            fetchDataset(name, { signal, onProgress: downloadLine() }),
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
          'Hold the files of a data set to their published hashes, where a training would take them from; fetches nothing.',
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
    .addCommand(
      new Command('info')
        .description('What each data set is, where it comes from, and where on this machine it is.')
        .addOption(shared.dataDir('look there as well (besides DIGITLAB_DATA and the cache)'))
        .addOption(shared.json())
        .action(async ({ json = false, dataDir }: Flags) => {
          const sets = await datasetInfo({ ...within(dataDir), onNotice: note })
          writeResult(
            json,
            () => ({ datasets: sets }),
            () =>
              sets
                .map(({ name, title, origin, folder, classNames, mirrors, files }) => {
                  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
                  return [
                    `${name}: ${title}, ${classNames.length} classes (${classNames.join(', ')})`,
                    `  ${whereIs({ name, origin, folder })}`,
                    `  ${bytes === 0 ? 'no published hashes' : `${grouped(bytes)} bytes, verified by SHA-256`}, from ${mirrors.join(' ')}`,
                  ].join('\n')
                })
                .join('\n'),
          )
        }),
    )
