import { dirname, join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { countingNumber, listOf, shared } from '../options'
import { checkNamed, writeNewFiles } from '../new-files'
import { makeFresh } from '../new-folder'
import { writeResult } from '../output'
import { reportFiles, reportFormats, writeInto, type ReportFormat } from '../report-files'
import { readReportInputs } from '../report-input'
import { isFolder, runFolders } from '../run-folder'
import { outlined } from './outline'

interface Flags {
  readonly format: readonly ReportFormat[]
  readonly figures?: readonly string[]
  readonly theme: 'light' | 'dark'
  readonly width?: number
  readonly scale?: number
  readonly dataDir?: string
  readonly out?: string
  readonly json?: boolean
}

const format = (text: string): ReportFormat => {
  const known = reportFormats.find((name) => name === text)
  if (!known) throw new InvalidArgumentError(`It must be of ${reportFormats.join(', ')}.`)
  return known
}

/** A number from `least` to `most`: what a picture that fits into memory can have. */
const between =
  (least: number, most: number) =>
  (text: string): number => {
    const value = countingNumber(text)
    if (value < least || value > most) throw new InvalidArgumentError(`It must be from ${least} to ${most}.`)
    return value
  }

export const reportCommand = (): Command =>
  outlined('report')
    .argument('<runs...>', 'folders of runs, their run.json, or what "digitlab compare" wrote')
    .addOption(
      new Option('--format <list>', `what to write: ${reportFormats.join(', ')}, with commas`)
        .argParser(listOf(format))
        .default(['html'], 'html'),
    )
    .addOption(
      new Option('--figures <list>', 'which figures for svg and png (all by default)').argParser(listOf(String)),
    )
    .addOption(new Option('--theme <name>', 'of svg and png').choices(['light', 'dark']).default('light'))
    .addOption(new Option('--width <n>', 'of svg and png, in pixels of CSS (560)').argParser(between(200, 4000)))
    .addOption(new Option('--scale <n>', 'pixels of a png for each of CSS (2)').argParser(between(1, 8)))
    .addOption(shared.dataDir())
    .option('--out <folder>', 'where to write (the folder that was named; for several a new one in runs/)')
    .addOption(shared.json())
    .action(async (named: string[], flags: Flags) => {
      const paths: string[] = []
      for (const path of named) paths.push(...(await runFolders(path)))
      const inputs = await readReportInputs(paths, { dataDir: flags.dataDir })
      const files = await reportFiles(inputs, {
        formats: flags.format,
        figures: flags.figures,
        theme: flags.theme,
        ...(flags.width === undefined ? {} : { width: flags.width }),
        ...(flags.scale === undefined ? {} : { scale: flags.scale }),
      })
      const written = await writeReportFiles(named, flags.out, files)
      writeResult(
        flags.json ?? false,
        () => ({ written, missing: inputs.map(({ missing }) => missing ?? []) }),
        () => written.map((path) => `written to ${path}`).join('\n'),
      )
    })

/** Into --out, or the run's own folder, or a new one for several. @returns the paths of the files */
const writeReportFiles = async (
  named: readonly string[],
  out: string | undefined,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> => {
  const [only, ...others] = named
  if (out === undefined && only !== undefined && others.length === 0)
    return writeInto((await isFolder(only)) ? only : dirname(only), files)
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const folder = out ?? (await makeFresh(join('runs', `report-${stamp}`)))
  checkNamed(folder)
  const paths = new Map(Object.entries(files).map(([name, content]) => [join(folder, name), content]))
  await writeNewFiles(paths)
  return [...paths.keys()]
}
