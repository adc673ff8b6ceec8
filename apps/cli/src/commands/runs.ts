import {
  csvOf,
  fieldsOf,
  groupRows,
  namesOf,
  parseCondition,
  resolveName,
  rowDifferences,
  sortRows,
  varyingSettings,
  type Row,
  type RunGroup,
  type RunRow,
  type Spread,
  type Value,
} from '@digitlab/sweep'
import { percent, textTable, type Column } from '@digitlab/report'
import { Command, Option } from 'commander'
import { mlflowUri, pushRuns } from '../mlflow-run'
import { writeNewFiles } from '../new-files'
import { countingNumber, listOf, shared } from '../options'
import { resultWidth, writeResult } from '../output'
import { indexedRuns, within } from '../runs-index'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

interface Flags {
  readonly where?: string
  readonly sort?: string
  readonly descending?: boolean
  readonly group?: boolean
  readonly columns?: readonly string[]
  readonly limit?: number
  readonly diff?: boolean
  readonly csv?: string
  readonly parquet?: string
  readonly json?: boolean
}

export const runsCommand = (): Command =>
  outlined('runs')
    .argument('[folders...]', 'with runs in them', ['runs'])
    .option('--where <condition>', 'such as "model=cnn and testAccuracy>0.98"')
    .option('--sort <field>', 'by a field')
    .option('--descending', 'in descending order')
    .option('--group', 'group runs that differ only in the seed: mean, deviation, interval, n')
    .addOption(new Option('--columns <list>', 'which fields to show').argParser(listOf(String)))
    .addOption(new Option('--limit <n>', 'the most rows to print').argParser(countingNumber))
    .option('--diff', 'what differs between two runs')
    .option('--csv <file>', 'write the table as CSV')
    .option('--parquet <file>', 'write it as Parquet')
    .addOption(shared.json())
    .enablePositionalOptions()
    .action(runs)
    .addCommand(pushCommand())

const pushCommand = (): Command =>
  new Command('push')
    .description('Send runs to an MLflow server: settings, losses, accuracies, run.json. Each is sent once.')
    .argument('[folders...]', 'with runs in them', ['runs'])
    .requiredOption('--mlflow <uri>', 'the address of the server, such as http://127.0.0.1:5000')
    .option('--experiment <name>', 'the experiment there', 'digitlab')
    .addOption(shared.json())
    .action(
      async (
        folders: readonly string[],
        { mlflow: uri, experiment, json }: { mlflow: string; experiment: string; json?: boolean },
      ) => {
        mlflowUri(uri)
        const found: string[] = []
        for (const folder of folders) for (const { row } of await indexedRuns(folder)) found.push(row.folder)
        const { sent, before } = await pushRuns(found, { uri, experiment })
        writeResult(
          json ?? false,
          () => ({ uri, experiment, sent, before }),
          () => `${sent} runs sent to ${uri}${before > 0 ? `, ${before} had been sent before` : ''}`,
        )
      },
    )

const runs = async (folders: readonly string[], flags: Flags): Promise<void> => {
  const twice = folders.find((folder, n) => folders.some((other, m) => n !== m && within(other, folder)))
  if (twice !== undefined)
    throw new UsageError(`${twice} is named twice, or lies in another folder that is named: leave one of them out`)
  const found: RunRow[] = []
  for (const folder of folders) for (const { row } of await indexedRuns(folder)) found.push(row)
  const names = namesOf(found.map(fieldsOf))
  const wanted = found.filter(filterOf(flags.where, names))
  if (flags.diff) return tellDifference(wanted, flags)
  if (flags.group) return tellGroups(wanted, flags)
  const sort = flags.sort === undefined ? undefined : resolveName(flags.sort, names)
  const sorted = sort === undefined ? wanted : sortRows(wanted, (row) => fieldsOf(row)[sort], flags.descending)
  const columns = flags.columns?.map((name) => resolveName(name, names)) ?? usualColumns(wanted, sort)
  await tellTable(sorted.map(fieldsOf), names, columns, flags, `of ${found.length} runs`)
}

/** @throws UsageError if the condition asks for a field that no run has */
const filterOf = (where: string | undefined, names: readonly string[]): ((row: RunRow) => boolean) => {
  if (where === undefined) return () => true
  const { holds, fields } = parseCondition(where)
  const meant = fields.map((field) => [field, resolveName(field, names)] as const)
  return (row) => {
    const all = fieldsOf(row)
    return holds(Object.fromEntries(meant.map(([field, name]) => [field, all[name] ?? null])))
  }
}

/** What tells the runs apart, and how good they are. */
const usualColumns = (rows: readonly RunRow[], sort: string | undefined): readonly string[] => {
  const results = namesOf(rows.map((row) => row.results))
  const shown = ['validationAccuracy', 'testAccuracy', 'testLoss', 'secondsPerEpoch'].filter((name) =>
    results.includes(name),
  )
  return [...new Set(['folder', 'model', ...varyingSettings(rows), ...(sort === undefined ? [] : [sort]), ...shown])]
}

const text = (name: string, value: Value | undefined): string => {
  if (value === null || value === undefined) return '-'
  if (typeof value !== 'number') return String(value)
  if (/accuracy$/i.test(name)) return percent(value)
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}

const columnOf = (name: string, rows: readonly Row[]): Column => ({
  heading: name.slice(name.lastIndexOf('.') + 1),
  align: rows.some((row) => typeof row[name] === 'number') ? 'right' : 'left',
})

const tellTable = async (
  rows: readonly Row[],
  names: readonly string[],
  columns: readonly string[],
  flags: Flags,
  of: string,
): Promise<void> => {
  const limited = flags.limit === undefined ? rows : rows.slice(0, flags.limit)
  const written = await writeTables(names, limited, flags)
  writeResult(
    flags.json ?? false,
    () => ({ runs: limited, written }),
    () =>
      [
        textTable(
          columns.map((name) => columnOf(name, limited)),
          limited.map((row) => columns.map((name) => text(name, row[name]))),
          { width: resultWidth() },
        ),
        '',
        `${limited.length} ${of}`,
        ...written.map((path) => `written to ${path}`),
      ].join('\n'),
  )
}

const writeTables = async (
  names: readonly string[],
  rows: readonly Row[],
  { csv, parquet }: Flags,
): Promise<string[]> => {
  const files = new Map<string, string | Uint8Array>()
  if (csv !== undefined) files.set(csv, csvOf(names, rows))
  if (parquet !== undefined) files.set(parquet, await parquetOf(names, rows))
  await writeNewFiles(files)
  return [...files.keys()]
}

/** A table as Parquet: numbers as DOUBLE, else STRING; what is not there is null. */
const parquetOf = async (names: readonly string[], rows: readonly Row[]): Promise<Uint8Array> => {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const columnData = names.map((name) => {
    const values = rows.map((row) => row[name] ?? null)
    if (values.every((value) => value === null || typeof value === 'number'))
      return { name, data: values, type: 'DOUBLE' as const }
    if (values.every((value) => value === null || typeof value === 'boolean'))
      return { name, data: values, type: 'BOOLEAN' as const }
    return { name, data: values.map((value) => (value === null ? null : String(value))), type: 'STRING' as const }
  })
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

const spreadText = ({ mean, deviation }: Spread, name: string): string =>
  deviation === null ? text(name, mean) : `${text(name, mean)} ± ${text(name, deviation)}`

const tellGroups = async (rows: readonly RunRow[], flags: Flags): Promise<void> => {
  const groups = groupRows(rows)
  const flat = groups.map(groupFields)
  const names = namesOf(flat)
  const metrics = ['validationAccuracy', 'testAccuracy', 'testLoss', 'secondsPerEpoch'].filter((name) =>
    groups.some(({ spreads }) => name in spreads),
  )
  const sort = flags.sort === undefined ? undefined : resolveName(flags.sort, [...names, ...metrics])
  const by = sort !== undefined && metrics.includes(sort) ? `${sort}.mean` : sort
  const order =
    by === undefined ? [...groups.keys()] : sortRows([...groups.keys()], (n) => flat[n]?.[by], flags.descending)
  const limited = flags.limit === undefined ? order : order.slice(0, flags.limit)
  const shown = limited.map((n) => [groups[n], flat[n]] as [RunGroup, Row])
  const settings = [...new Set(['model', ...varyingSettings(groups)])]
  const written = await writeTables(
    names,
    shown.map(([, row]) => row),
    flags,
  )
  const columns: Column[] = [
    ...settings.map((name) =>
      columnOf(
        name,
        shown.map(([{ settings }]) => settings),
      ),
    ),
    { heading: 'n', align: 'right' },
    ...metrics.map((name): Column => ({ heading: name, align: 'right' })),
    ...(metrics.includes('testAccuracy') ? [{ heading: '95 % interval', align: 'left' as const }] : []),
  ]
  const cells = shown.map(([{ settings: own, rows, spreads }]) => {
    const interval = spreads['testAccuracy']?.interval
    return [
      ...settings.map((name) => text(name, own[name])),
      String(rows.length),
      ...metrics.map((name) => (spreads[name] ? spreadText(spreads[name], name) : '-')),
      ...(metrics.includes('testAccuracy')
        ? [interval ? `${percent(interval[0])} to ${percent(interval[1])}` : '-']
        : []),
    ]
  })
  writeResult(
    flags.json ?? false,
    () => ({
      groups: shown.map(([{ settings, seeds, spreads, rows }]) => ({
        settings,
        seeds,
        spreads,
        folders: rows.map(({ folder }) => folder),
      })),
      written,
    }),
    () =>
      [
        textTable(columns, cells, { width: resultWidth() }),
        '',
        "mean ± sample standard deviation; the interval is that of the mean of the test accuracy, by Student's t",
        ...written.map((path) => `written to ${path}`),
      ].join('\n'),
  )
}

const groupFields = ({ settings, rows, spreads }: RunGroup): Row => ({
  ...settings,
  n: rows.length,
  ...Object.fromEntries(
    Object.entries(spreads).flatMap(([name, { mean, deviation, interval }]) => [
      [`${name}.mean`, mean],
      [`${name}.deviation`, deviation],
      [`${name}.low`, interval?.[0] ?? null],
      [`${name}.high`, interval?.[1] ?? null],
    ]),
  ),
})

const tellDifference = (rows: readonly RunRow[], flags: Flags): void => {
  const [a, b, ...others] = rows
  if (!a || !b || others.length > 0)
    throw new UsageError(
      `--diff compares two runs, not ${rows.length}: name two folders, or narrow them down with --where`,
    )
  const differences = rowDifferences(a, b)
  writeResult(
    flags.json ?? false,
    () => ({ a: a.folder, b: b.folder, differences }),
    () =>
      textTable(
        [
          { heading: 'field', align: 'left' },
          { heading: a.folder, align: 'right' },
          { heading: b.folder, align: 'right' },
        ],
        differences.map(({ field, a, b }) => [field, text(field, a), text(field, b)]),
        { width: resultWidth() },
      ),
  )
}
