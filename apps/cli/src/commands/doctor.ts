import { type Command } from 'commander'
import { backends } from '../backends'
import type { Span } from '../colour'
import { examine, type Finding } from '../doctor'
import { shared } from '../options'
import { drawLive, writeLines } from '../output'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

const marks = {
  ok: { style: 'green', text: 'ok   ' },
  note: { style: 'dim', text: '-    ' },
  wrong: { style: 'red', text: 'WRONG' },
} as const satisfies Record<Finding['status'], Span>

const lineOf = (width: number, { what, status, found, remedy }: Finding): Span[] => [
  marks[status],
  `  ${what.padEnd(width)}  ${found}`,
  ...(remedy === undefined ? [] : [`\n${' '.repeat(9 + width)}`, { style: 'dim', text: remedy } as const]),
]

export const doctorCommand = (): Command =>
  outlined('doctor')
    .addOption(shared.json())
    .action(async ({ json = false }: { json?: boolean }) => {
      drawLive('looking at this machine ...')
      const findings = await examine(backends())
      const width = Math.max(...findings.map(({ what }) => what.length))
      writeLines(
        json,
        () => ({ findings }),
        () => findings.map((finding) => lineOf(width, finding)),
      )
      const wrong = findings.filter(({ status }) => status === 'wrong').length
      if (wrong > 0) throw new UsageError(`${wrong === 1 ? 'one thing needs' : `${wrong} things need`} attention`)
    })
