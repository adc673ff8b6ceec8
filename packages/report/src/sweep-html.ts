import { escaped } from './figure'
import { numbersHtml, page, tableHtml } from './page'
import { pageScript } from './page-script'
import { ReportError } from './report-error'
import { axisOf, drawCurves, drawDots, drawParallel, spacedTicks, type PageValue } from './sweep-charts'
import { sweepScript, type PageRuns } from './sweep-script'
import { percent } from './number-text'

/** A run of a sweep, as its page shows it. */
export interface SweptRun {
  readonly folder: string
  /** The fields of its experiment, by their paths. */
  readonly settings: Readonly<Record<string, PageValue>>
  /** Its results, by name. */
  readonly results: Readonly<Record<string, PageValue>>
  /** Values an epoch, by the names of the results that they end in; `epoch` says which epochs. */
  readonly curves: Readonly<Record<string, readonly (number | null)[]>>
}

/** The best setting of a sweep, over its seeds. */
export interface BestSetting {
  readonly settings: Readonly<Record<string, PageValue>>
  readonly n: number
  /** The result that it was chosen by. */
  readonly chosenBy: string
  /** Whether that is measured on the test images. */
  readonly byTest: boolean
  readonly mean: number
  readonly testAccuracy: { readonly mean: number; readonly interval: readonly [number, number] | null } | null
}

/** What the page of a sweep shows. */
export interface SweepReportInput {
  readonly title: string
  /** The line under the title. */
  readonly lead: string
  readonly runs: readonly SweptRun[]
  readonly best: BestSetting | null
}

const css = `
.controls{display:flex;flex-wrap:wrap;gap:12px 24px;align-items:center;margin:16px 0;position:sticky;top:0;background:var(--paper);padding:8px 0;border-bottom:1px solid var(--faint);z-index:1}
.controls label{display:flex;gap:8px;align-items:center;flex-wrap:wrap}
input,select,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--muted);border-radius:5px;padding:4px 8px}
button:disabled{opacity:.45}
th button{border:0;padding:0;font-weight:600;background:none;cursor:pointer;white-space:nowrap}
canvas{display:block;width:100%}figure.whole{margin-top:28px}
#parallel{height:340px}#curves{height:280px}canvas[data-setting]{height:220px}
#legend{list-style:none;padding:0;margin:8px 0;font-size:.9rem}
.sign{display:inline-block;width:26px;height:0;border-top:3px solid;vertical-align:middle;margin-right:8px}
${[0, 1, 2, 3, 4, 5].map((n) => `.sign-${n}{border-color:var(--series-${n})${n === 0 ? '' : ';border-top-style:dashed'}}`).join('')}
.turn{display:flex;gap:12px;align-items:center;margin:8px 0;flex-wrap:wrap}
`.trim()

/** The page's script, whose hash the page's policy names. */
const scriptText = (): string =>
  `(${sweepScript.toString()})({axisOf:${axisOf.toString()},spacedTicks:${spacedTicks.toString()},drawParallel:${drawParallel.toString()},drawDots:${drawDots.toString()},drawCurves:${drawCurves.toString()}})`

const namesOf = (records: readonly Readonly<Record<string, unknown>>[]): string[] => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]

/** Results that runs are chosen by, validation before test before training. */
const metricsOf = (results: readonly string[]): string[] => {
  const rank = (name: string) => ['validation', 'test', 'train'].findIndex((split) => name.startsWith(split))
  const fitting = results.filter((name) => /(Accuracy|Loss)$/.test(name) && rank(name) >= 0)
  return fitting.sort((a, b) => rank(a) - rank(b) || Number(/Loss$/.test(a)) - Number(/Loss$/.test(b)))
}

/** What the page holds of the runs: a list a run, by the order of the fields. */
const pageRuns = (runs: readonly SweptRun[]): PageRuns => {
  const settings = namesOf(runs.map((run) => run.settings))
  const results = namesOf(runs.map((run) => run.results)).filter(
    (name) => !settings.includes(name) && name !== 'folder',
  )
  const fields = [...settings, 'folder', ...results]
  return {
    fields,
    settings: settings.length,
    varying: settings.filter((name) => new Set(runs.map((run) => run.settings[name] ?? null)).size > 1),
    rows: runs.map((run) =>
      fields.map((name, n) =>
        name === 'folder' ? run.folder : ((n < settings.length ? run.settings : run.results)[name] ?? null),
      ),
    ),
    curves: runs.map(({ curves }) => curves),
    metrics: metricsOf(results),
  }
}

const bestHtml = (best: BestSetting | null): string => {
  if (!best) return '<p class="notice">No setting is the best one yet: no run is whole.</p>'
  const { settings, n, chosenBy, byTest, mean, testAccuracy } = best
  const interval = testAccuracy?.interval
  return [
    '<h2>The best setting</h2>',
    byTest
      ? '<p class="notice">Chosen by the test images, as these runs have no validation images: its accuracy on them is too good. Keep validation images apart, choose by those, and look at the test images once.</p>'
      : '',
    numbersHtml([
      [
        `mean ${chosenBy}`,
        /Accuracy$/.test(chosenBy) ? percent(mean) : mean.toFixed(4),
        `chosen by this, over ${n} seed${n === 1 ? '' : 's'}`,
      ],
      ...(testAccuracy
        ? [
            [
              'its test accuracy',
              percent(testAccuracy.mean),
              interval
                ? `95 % interval of the mean ${percent(interval[0])} to ${percent(interval[1])}`
                : 'of one seed: no interval',
            ] as const,
          ]
        : []),
    ]),
    tableHtml(
      ['setting', 'value'],
      Object.entries(settings).map(([name, value]) => [name, String(value ?? 'none')]),
    ),
  ].join('')
}

/**
 * A sweep as one self-contained page: the best setting, parallel coordinates, results against each setting that varies,
 * curves of chosen runs, and all of them in a table with search and order. Meant for thousands of runs.
 *
 * @throws ReportError if no run is given
 */
export const sweepReportHtml = async ({ title, lead, runs, best }: SweepReportInput): Promise<string> => {
  if (runs.length === 0)
    throw new ReportError('expected at least one run, found none: wait for one of the sweep to be whole')
  const data = pageRuns(runs)
  const canvas = (id: string, words: string) => `<canvas ${id} role="img" aria-label="${escaped(words)}"></canvas>`
  const options = data.metrics.map((name) => `<option>${escaped(name)}</option>`).join('')
  const content = [
    `<h1>${escaped(title)}</h1><p class="lead">${escaped(lead)}</p>`,
    bestHtml(best),
    '<h2>All runs</h2>',
    `<div class="controls"><label>figure <select id="metric">${options}</select></label><label>search <input id="search" type="search" placeholder="cnn seed=3"></label></div>`,
    `<figure class="whole"><figcaption>Settings and what came of them<span>Each run is a line; the chosen ones stand out.</span></figcaption>${canvas('id="parallel"', 'Parallel coordinates of the settings that vary and the figure')}</figure>`,
    `<div class="figures">${data.varying
      .map(
        (name) =>
          `<figure><figcaption>Against ${escaped(name)}<span>Each run is a dot.</span></figcaption>${canvas(`data-setting="${escaped(name)}"`, `The figure against ${name}`)}</figure>`,
      )
      .join('')}</div>`,
    `<figure class="whole"><figcaption>Curves of the chosen runs<span>At first the best five of the figure; choose others in the table.</span></figcaption>${canvas('id="curves"', 'The figure over the epochs of the chosen runs; the table has its last values')}<ul id="legend"></ul><p class="lead" id="more"></p></figure>`,
    '<h2>Table</h2><div class="turn"><button id="back">back</button><button id="next">next</button><span id="count" class="lead" role="status"></span></div>',
    '<div class="scroll"><table id="table"></table></div>',
    `<script type="application/json" id="runs">${JSON.stringify(data).replace(/</g, '\\u003c')}</script>`,
  ].join('')
  return page(title, content, await pageScript(scriptText(), css))
}
