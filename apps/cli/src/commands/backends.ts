import { probeBackends } from '@digitlab/backends'
import { type Command } from 'commander'
import { backends } from '../backends'
import type { Span } from '../colour'
import { shared } from '../options'
import { writeLines } from '../output'
import { outlined } from './outline'

export const backendsCommand = (): Command =>
  outlined('backends')
    .addOption(shared.json())
    .action(async ({ json = false }: { json?: boolean }) => {
      const probed = await probeBackends(backends())
      const width = Math.max(...probed.map(({ id }) => id.length))
      writeLines(
        json,
        () => ({ backends: probed.map(({ id, probe }) => ({ id, ...probe })) }),
        () =>
          probed.map(({ id, probe }): Span[] =>
            probe.usable
              ? [id.padEnd(width), '  ', { style: 'green', text: 'usable' }, `      ${probe.device}`]
              : [id.padEnd(width), '  ', { style: 'dim', text: 'not usable' }, `  ${probe.reason}; ${probe.remedy}`],
          ),
      )
    })
