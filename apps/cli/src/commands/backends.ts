import { probeBackends } from '@digitlab/backends'
import { Command } from 'commander'
import { backends } from '../backends'
import type { Span } from '../colour'
import { shared } from '../options'
import { writeLines } from '../output'

export const backendsCommand = (): Command =>
  new Command('backends')
    .description('List the backends: the device of each, or why it is unavailable and what to do.')
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
