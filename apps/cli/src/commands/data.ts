import { catalogueNames } from '@digitlab/data'
import { datasetInfo, fetchDataset, verifyDataset } from '@digitlab/data/node'
import { Argument, Command } from 'commander'
import { interruptible } from '../interrupt'
import { downloadLine } from '../load'
import { shared } from '../options'
import { grouped, writeResult } from '../output'
import { UsageError } from '../usage-error'

interface Flags {
  readonly json?: boolean
}

const named = () => new Argument('[name]', 'the data set').choices(catalogueNames).default('mnist')

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
        .description('Hold the cached files of a data set to their published hashes; fetches nothing.')
        .addArgument(named())
        .addOption(shared.json())
        .action(async (name: string, { json = false }: Flags) => {
          const found = await verifyDataset(name)
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
          if (!found.whole) throw new UsageError(`${name} is not whole in the cache: run "digitlab data fetch ${name}"`)
        }),
    )
    .addCommand(
      new Command('info')
        .description('What each data set is, where it comes from, and whether the cache has it.')
        .addOption(shared.json())
        .action(async ({ json = false }: Flags) => {
          const sets = await datasetInfo()
          writeResult(
            json,
            () => ({ datasets: sets }),
            () =>
              sets
                .map(({ name, title, cached, folder, classNames, mirrors, files }) => {
                  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
                  return [
                    `${name}: ${title}, ${classNames.length} classes (${classNames.join(', ')})`,
                    `  ${cached ? 'in the cache' : 'not in the cache'}: ${folder}`,
                    `  ${bytes === 0 ? 'no published hashes' : `${grouped(bytes)} bytes, verified by SHA-256`}, from ${mirrors.join(' ')}`,
                  ].join('\n')
                })
                .join('\n'),
          )
        }),
    )
