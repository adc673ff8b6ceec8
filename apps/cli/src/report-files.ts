import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { reportDocument, reportMarkdown, type LinkedFigure, type ReportInput } from '@digitlab/report'
import { readableJson } from '@digitlab/train/run'
import { writeAtomic } from './atomic-file'
import { unwritable } from './new-files'
import { nearest } from './nearest'
import { UsageError } from './usage-error'

export const reportFormats = ['html', 'md', 'json', 'svg', 'png'] as const
export type ReportFormat = (typeof reportFormats)[number]

export interface ReportOptions {
  readonly formats: readonly ReportFormat[]
  /** Ids of figures; all of them by default. */
  readonly figures?: readonly string[] | undefined
  readonly theme?: 'light' | 'dark'
  /** Pixels of CSS. */
  readonly width?: number
  /** Pixels of a PNG for each of CSS. */
  readonly scale?: number
}

/** The two files of Inter that the build lays beside this one's folder: their package has eighteen. */
const interFonts = (): Promise<Uint8Array[]> =>
  Promise.all(
    ['Inter_400Regular.ttf', 'Inter_600SemiBold.ttf'].map((name) =>
      readFile(new URL(`../fonts/${name}`, import.meta.url)),
    ),
  )

/** The page of a run, or of several. Drawing is loaded only here: no other command waits for it. */
const reportHtml = async (inputs: readonly ReportInput[]): Promise<string> => {
  const { comparisonReportHtml, runReportHtml } = await import('@digitlab/report/figures')
  const [first, ...others] = inputs
  return first && others.length === 0 ? runReportHtml(first) : comparisonReportHtml(inputs)
}

/**
 * The files of a report by their names: `report.html`, `report.md`, `report.json`, and `figures/` with one file a figure.
 *
 * @throws UsageError if a figure is named that these runs have not
 */
export const reportFiles = async (
  inputs: readonly ReportInput[],
  { formats, figures: wanted, theme = 'light', width, scale }: ReportOptions,
): Promise<Record<string, string | Uint8Array>> => {
  const files: Record<string, string | Uint8Array> = {}
  const links = new Map<number, LinkedFigure[]>()
  if (formats.includes('svg') || formats.includes('png')) {
    const { comparisonFigures, runFigures } = await import('@digitlab/report/figures')
    const { figurePng } = await import('@digitlab/report/node')
    const fonts = formats.includes('png') ? await interFonts() : []
    const several = inputs.length > 1
    const groups = [
      ...(several ? [{ place: -1, prefix: '', list: comparisonFigures(inputs) }] : []),
      ...inputs.map((input, place) => ({
        place,
        prefix: several ? `run-${place + 1}-${input.run.model.name}-` : '',
        list: runFigures(input),
      })),
    ]
    const ids: readonly string[] = [...new Set(groups.flatMap(({ list }) => list.map(({ id }) => id)))]
    const unknown = wanted?.find((id) => !ids.includes(id))
    if (unknown !== undefined)
      throw new UsageError(
        `there is no figure "${unknown}"${nearest(unknown, ids)} of ${several ? 'these runs' : 'this run'}: choose of ${ids.join(', ')}`,
      )
    for (const { place, prefix, list } of groups)
      for (const { id, draw } of list) {
        if (wanted && !wanted.includes(id)) continue
        const { title, alt, svg } = draw({ theme, ...(width === undefined ? {} : { width }) })
        const path = `figures/${prefix}${id}`
        if (formats.includes('svg')) files[`${path}.svg`] = svg
        if (formats.includes('png'))
          files[`${path}.png`] = await figurePng(svg, { fonts, ...(scale === undefined ? {} : { scale }) })
        const link = { title, alt, path: `${path}.${formats.includes('svg') ? 'svg' : 'png'}` }
        links.set(place, [...(links.get(place) ?? []), link])
      }
  }
  if (formats.includes('html')) files[reportPage] = await reportHtml(inputs)
  if (formats.includes('md')) files['report.md'] = reportMarkdown(inputs, { figures: links })
  if (formats.includes('json')) files['report.json'] = readableJson(reportDocument(inputs))
  return files
}

const reportPage = 'report.html'

/** Writes the page of runs into a folder; answers its path. */
export const writeReport = async (folder: string, inputs: readonly ReportInput[]): Promise<string> => {
  const [path = ''] = await writeInto(folder, { [reportPage]: await reportHtml(inputs) })
  return path
}

/**
 * Writes files into the folder of a run or of a comparison, each whole or not at all; what an older report left is replaced.
 *
 * @returns their paths
 * @throws UsageError if one can't be written, with the reason
 */
export const writeInto = async (
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> => {
  const paths: string[] = []
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeAtomic(path, content)
    } catch (cause) {
      throw unwritable(path, cause)
    }
    paths.push(path)
  }
  return paths
}
