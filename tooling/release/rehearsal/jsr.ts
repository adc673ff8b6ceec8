// What goes to JSR, as far as it can be tried without it: Deno's own check of what it would publish.
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { denoPublish, jsrPackages, writeJsrSources } from '../jsr-sources'
import { expectThat, type World } from './parts'
import { deno, installRuntime } from './runtimes'

export const tryJsr = async (world: World): Promise<void> => {
  const { attempt, tree, team, registry } = world
  const folder = join(team.folder, 'jsr')
  for (const one of jsrPackages(tree.folder))
    await attempt('JSR', `deno publish --dry-run, ${one.manifest.name}`, async () => {
      const [binary = ''] = await installRuntime(world, deno)
      const place = join(folder, basename(one.path))
      await mkdir(place, { recursive: true })
      await writeJsrSources(tree.folder, one, place)
      const env = { NPM_CONFIG_REGISTRY: registry.url, NO_COLOR: '1' }
      const said = await team.ask([binary, ...denoPublish, '--dry-run'], place, { env })
      expectThat(said.includes('Dry run complete'), said)
    })
}
