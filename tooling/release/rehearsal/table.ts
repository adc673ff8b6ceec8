// What was tried, as a table for a terminal and as the table of docs/where-it-runs.md.

import type { Rehearsal, Result } from './parts'
import { sizesPart } from './sizes'

const words = { works: 'works', fails: 'FAILS', skipped: 'skipped' }

/** One line for each thing that was tried, the totals, and what was answered in more than a line. */
export const toText = ({ results, seconds }: Pick<Rehearsal, 'results' | 'seconds'>): string => {
  const width = (key: 'part' | 'what') => Math.max(...results.map((one) => one[key].length))
  const lines = results.map(({ part, what, outcome, required, seconds, detail }) => {
    const said = outcome === 'fails' && !required ? 'does not' : words[outcome]
    const why = detail === undefined || (outcome === 'works' && detail.includes('\n')) ? '' : `  ${shortened(detail)}`
    return `${part.padEnd(width('part'))}  ${what.padEnd(width('what'))}  ${said.padEnd(8)}  ${seconds.toFixed(1).padStart(6)} s${why}`
  })
  const count = (outcome: Result['outcome'], required?: boolean) =>
    results.filter((one) => one.outcome === outcome && (required === undefined || one.required === required)).length
  const total = [
    `${count('works')} work`,
    `${count('fails', true)} fail`,
    `${count('fails', false)} that nobody promised do not work`,
    `${count('skipped')} skipped`,
  ]
  const told = results.flatMap(({ what, outcome, detail = '' }) =>
    outcome === 'works' && detail.includes('\n') ? [`${what}:\n\n${detail.trimEnd()}\n\n`] : [],
  )
  return `${lines.join('\n')}\n\n${told.join('')}${total.join(', ')}; ${Math.round(seconds)} s`
}

/** Whether all that has to work does. */
export const holds = ({ results }: Pick<Rehearsal, 'results'>): boolean =>
  results.length > 0 && results.every(({ outcome, required }) => outcome !== 'fails' || !required)

const firstLine = (text = '') => text.split('\n', 1)[0] ?? ''
const shortened = (text: string) => firstLine(text).replace(/^(.{117}).{4,}$/, '$1...')

const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

/** A table of parts by what was tried in each. */
const matrix = (
  results: readonly Result[],
  title: string,
  parts: readonly { readonly part: string; readonly name: string }[],
  columns: readonly string[],
) =>
  table(
    [title, ...columns],
    parts.map(({ part, name }) => [
      name,
      ...columns.map((column) => {
        const one = results.find((one) => one.part === part && one.what === column)
        return one === undefined ? '-' : one.outcome === 'fails' ? 'does not work' : one.outcome
      }),
    ]),
  )

/** What that document says of what was tried. */
export const supportTable = (rehearsal: Rehearsal): string => {
  const { results, date, commit, machine } = rehearsal
  const starting = (prefix: string) => [
    ...new Set(results.map(({ part }) => part).filter((part) => part.startsWith(prefix))),
  ]
  const runtimes = ['Node', 'Bun', 'Deno'].flatMap(starting).map((part) => {
    const version = results.find((one) => one.part === part && one.what.startsWith('version '))?.what.slice(8)
    return { part, name: version === undefined ? part : `${part.split(' ')[0]} ${version}` }
  })
  const managers = starting('idx, ').map((part) => ({ part, name: part.slice(5) }))
  const upgraders = starting('upgrade, ').map((part) => ({ part, name: part.slice(9) }))
  const failed = results.filter(({ outcome }) => outcome === 'fails')
  const skipped = results.filter(({ outcome }) => outcome === 'skipped')
  const page = results.find(({ part, outcome }) => part.startsWith('page') && outcome === 'works')
  const sizes = results.filter(({ part, outcome }) => part === sizesPart && outcome === 'works')
  const list = (title: string, some: readonly Result[]) =>
    some.length === 0
      ? []
      : [`${title}\n\n${some.map(({ part, what, detail }) => `- ${part}, ${what}: ${firstLine(detail)}`).join('\n')}`]
  return [
    matrix(results, 'runs in', runtimes, [
      'idx, ESM',
      'idx, CommonJS',
      'trains a convolution on tfjs',
      'digitlab compare',
    ]),
    matrix(results, 'installed by', managers, ['ESM', 'CommonJS', 'TypeScript, node16', 'TypeScript, bundler']),
    ...(upgraders.length === 0 ? [] : [matrix(results, 'a breaking 0.2.0, by', upgraders, upgradeColumns)]),
    ...(sizes.length === 0
      ? []
      : [
          `Installed by npm into an empty folder: ${sizes.map(({ what, detail }) => `\`${what.slice(12)}\` ${detail}`).join('; ')}.`,
        ]),
    ...(page === undefined ? [] : [`In a page: built by ${page.part.slice(6)}${openedIn(results)}.`]),
    ...list('What does not work:', failed),
    ...list('What could not be tried:', skipped),
    `Tried ${date} at commit ${commit} by \`npm run release:rehearse\` on ${machine.platform}; macOS and Windows are for continuous integration to try.`,
  ].join('\n\n')
}

/** What is tried with each package manager in upgrade.ts. */
const upgradeColumns = [
  'the lock file keeps what was there',
  'says that there is a new one',
  'an update within the ranges breaks nothing',
  'asked for, its note says what to write',
  'tells of a deprecated version',
]

const openedIn = (results: readonly Result[]) =>
  results.some(({ what, outcome }) => what.startsWith('opened in Chromium') && outcome === 'works')
    ? ', opened in Chromium, where it trains the cnn on WebAssembly'
    : ', not opened'
