// What goes to JSR, as far as it can be tried without it: Deno's own check of what it would publish.
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { jsrPackages, writeJsrSources } from '../jsr-sources'
import { expectThat, Skipped, type World } from './parts'
import { deno, installRuntime } from './runtimes'

export const tryJsr = async (world: World): Promise<void> => {
  const { attempt, tree, team, registry, versions } = world
  const folder = join(team.folder, 'jsr')
  for (const one of jsrPackages(tree.folder)) {
    // Deno takes no package younger than a day: what depends on another of this release follows it later.
    const required = !Object.keys(one.manifest.dependencies ?? {}).some((name) => versions.has(name))
    const check = async () => {
      const [binary = ''] = await installRuntime(world, deno)
      const place = join(folder, basename(one.path))
      await mkdir(place, { recursive: true })
      await writeJsrSources(tree.folder, one, place)
      const env = { NPM_CONFIG_REGISTRY: registry.url, NO_COLOR: '1' }
      const said = await team.ask([binary, 'publish', '--dry-run'], place, { env })
      const young = !required && said.includes('Could not find npm package')
      if (young) throw new Skipped('what it depends on is younger than a day, which Deno does not take')
      expectThat(said.includes('Dry run complete'), said.slice(Math.max(said.indexOf('error: '), 0)))
    }
    await attempt('JSR', `deno publish --dry-run, ${one.manifest.name}`, check, { required })
  }
}
