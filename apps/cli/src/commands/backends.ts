import { probeBackends } from '@digitlab/backends'
import { Command } from 'commander'
import { backends } from '../backends'
import { shared } from '../options'
import { writeResult } from '../output'

export const backendsCommand = (): Command =>
  new Command('backends')
    .description('List what can compute here: on what device, or why not and what to do.')
    .addOption(shared.json())
    .action(async ({ json = false }: { json?: boolean }) => {
      const probed = await probeBackends(backends())
      writeResult(
        json,
        () => ({ backends: probed.map(({ id, probe }) => ({ id, ...probe })) }),
        () =>
          probed
            .map(({ id, probe }) =>
              probe.usable
                ? `${id.padEnd(13)} usable      ${probe.device}`
                : `${id.padEnd(13)} not usable  ${probe.reason}; ${probe.remedy}`,
            )
            .join('\n'),
      )
    })
