// What each entry of a published package weighs, against its budget in size-budgets.json. `npm run size` prints it;
// `-- --set` makes budgets of what is measured, a tenth more.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const here = fileURLToPath(new URL('.', import.meta.url))
const budgetsFile = join(here, 'size-budgets.json')
const command = 'npm run size -- --set'

const sizeLimit = join(dirname(createRequire(import.meta.url).resolve('size-limit/package.json')), 'bin.js')
// It ends with 1 where something is over its limit, which is said below.
const { stdout, stderr } = await execa(process.execPath, ['--import', 'tsx', sizeLimit, '--json'], {
  cwd: here,
  reject: false,
})

interface Weighed {
  readonly name: string
  /** Bytes. */
  readonly size: number
}

const parse = (): readonly Weighed[] | undefined => {
  try {
    const found: unknown = JSON.parse(stdout)
    return Array.isArray(found) ? (found as Weighed[]) : undefined
  } catch {
    return undefined
  }
}
const measured = parse()
if (measured === undefined) {
  console.error(`size-limit could not measure: ${stderr || stdout}; are the packages built ("npm run build")?`)
  process.exit(1)
}

if (process.argv.includes('--set')) {
  const budgets = measured.map(({ name, size }) => [name, Math.ceil((size * 1.1) / 100) / 10] as const)
  writeFileSync(budgetsFile, `${JSON.stringify(Object.fromEntries(budgets.toSorted()), null, 2)}\n`)
}
const budgets = JSON.parse(readFileSync(budgetsFile, 'utf8')) as Readonly<Record<string, number>>

const width = Math.max(...measured.map(({ name }) => name.length))
const wrong: string[] = []
for (const { name, size } of measured) {
  const budget = budgets[name]
  const kilobytes = (size / 1000).toFixed(1)
  console.log(`${name.padEnd(width)}  ${kilobytes.padStart(6)} kB of ${String(budget ?? 'none').padStart(5)}`)
  if (budget === undefined) wrong.push(`${name} has no budget: "${command}" gives it one`)
  else if (size > budget * 1000)
    wrong.push(`${name} weighs ${kilobytes} kB, its budget is ${budget} kB: make it smaller, or "${command}"`)
}
for (const name of Object.keys(budgets))
  if (!measured.some((check) => check.name === name)) wrong.push(`there is no ${name} any more: "${command}"`)
for (const sentence of wrong) console.error(sentence)
process.exitCode = wrong.length > 0 ? 1 : 0
