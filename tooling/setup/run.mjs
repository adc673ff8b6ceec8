// @ts-check
// `npm start`, `npm test`, `npm run build`, `bench`, `bench:nets`, `pictures`, `site` and `release`: everything between a fresh clone and a running command.
// Plain JavaScript without dependencies, because it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [command = 'start', ...rest] = process.argv.slice(2)

const say = (/** @type {string} */ sentence) => console.error(`digitlab: ${sentence}`)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  say(`needs Node 20.19 or later, this is ${process.versions.node}: install a newer one from nodejs.org`)
  process.exit(1)
}

/** How a program is run: in the repository, with the workspace's binaries on the path. */
const optionsOf = (/** @type {Record<string, string>} */ more) => {
  const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  const env = { ...process.env, ...more, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
  return { cwd: root, env, stdio: /** @type {const} */ ('inherit'), shell: process.platform === 'win32' }
}

/**
 * Runs commands beside one another, each list of them in its order to its end; ends this process where one of them fails.
 *
 * @param {readonly (readonly [string, ...string[]])[][]} lists
 */
const together = async (...lists) => {
  const failed = await Promise.all(
    lists.map(async (list) => {
      let wrong = 0
      for (const [program, ...args] of list)
        await new Promise((resolve) => {
          const child = spawn(program, args, optionsOf({}))
          child.once('error', (error) => say(`could not run ${program}: ${error.message}`))
          child.once('close', (code) => resolve((wrong += code === 0 ? 0 : 1)))
        })
      return wrong
    }),
  )
  if (failed.some((wrong) => wrong > 0)) process.exit(1)
}

/**
 * Runs a program with the workspace's binaries on the path; ends this process with its exit code if it fails.
 *
 * @type {(program: string, args: readonly string[], options?: { why?: string, env?: Record<string, string> }) => void}
 */
const run = (program, args, { why, env = {} } = {}) => {
  const result = spawnSync(program, args, optionsOf(env))
  if (result.error) say(`could not run ${program}: ${result.error.message}`)
  if (result.status !== 0) {
    if (why) say(why)
    process.exit(result.status ?? 1)
  }
}

const manifests = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']
for (const room of ['packages', 'apps', 'tooling'])
  for (const name of readdirSync(join(root, room)).sort())
    if (existsSync(join(root, room, name, 'package.json'))) manifests.push(`${room}/${name}/package.json`)
const wanted = createHash('sha256')
for (const file of manifests) wanted.update(file).update(readFileSync(join(root, file)))
const state = wanted.digest('hex')

const stamp = join(root, 'node_modules', '.digitlab-installed')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== state) {
  say(`installing what the lock file names with ${manifest.packageManager} (once) ...`)
  run(
    'npx',
    ['--yes', manifest.packageManager, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'],
    {
      why: 'the installation failed (above is why); it needs the npm registry once, then run the same command again',
    },
  )
  writeFileSync(stamp, state)
}

// What turbo brings back from its cache it lays beside what was built before: a package would be published with both.
if (command === 'build' || command === 'release') {
  const { outputs } = JSON.parse(readFileSync(join(root, 'turbo.json'), 'utf8')).tasks.build
  for (const room of ['packages', 'apps'])
    for (const name of readdirSync(join(root, room)))
      for (const output of outputs)
        rmSync(join(root, room, name, output.replace('/**', '')), { recursive: true, force: true })
}

const builtStamp = join(root, 'node_modules', '.digitlab-built')
if (!existsSync(builtStamp)) say('building the packages (about a minute the first time, then only what changed) ...')
run('turbo', ['run', 'build', '--output-logs=errors-only', '--log-prefix=task', '--no-update-notifier'])
writeFileSync(builtStamp, '')

if (command === 'start') {
  say('running "npx digitlab compare" ...')
  run(process.execPath, [join(root, 'apps/cli/bin/digitlab.js'), 'compare', ...rest])
} else if (command === 'bench' || command === 'bench:nets') {
  run('tsx', [join(root, 'tooling/bench', command === 'bench' ? 'bench.ts' : 'nets.ts'), ...rest])
} else if (command === 'pictures') {
  run('tsx', [join(root, 'tooling/pictures/pictures.ts'), ...rest])
} else if (command === 'site') {
  run('tsx', [join(root, 'tooling/site/site.ts'), ...rest])
} else if (command === 'release' || command.startsWith('release:')) {
  const scripts = { release: 'release.ts', 'release:rehearse': 'rehearse.ts', 'release:jsr': 'jsr.ts' }
  const script = scripts[/** @type {keyof typeof scripts} */ (command)]
  run('tsx', [join(root, 'tooling/release', script), ...rest])
} else if (['api', 'docs', 'size', 'notices'].includes(command)) {
  run('tsx', [join(root, 'tooling/packages', `${command}.ts`), ...rest])
} else if (command === 'test') {
  // What proves by repetition runs a sample, and all of it with --all: tests look at DIGITLAB_ALL.
  const all = rest.includes('--all') || process.env['DIGITLAB_ALL'] === '1'
  say('lint, format and types ...')
  /**
   * A file that has not changed since it was clean is looked at again only with --all: eslint's rules ask for other files' types, too.
   *
   * @param {string} tool
   */
  const unlessSeen = (tool) =>
    all ? [] : ['--cache', '--cache-strategy', 'content', '--cache-location', `node_modules/.cache/${tool}`]
  await together(
    [['eslint', '.', '--max-warnings', '0', ...unlessSeen('eslint')]],
    [
      ['prettier', '--check', '--log-level', 'warn', '.', ...unlessSeen('prettier')],
      ['tsc'],
      ['tsc', '-p', 'packages/backend-wasm/scripts'],
      ['tsc', '-p', 'tooling/release/rehearsal/programs'],
      ['pnpm', '--silent', '--filter', '@digitlab/web', 'typecheck'],
    ],
  )
  say(all ? 'tests, all of them ...' : 'tests (of what repeats a sample: --all runs everything) ...')
  run('vitest', ['run', ...rest.filter((word) => word !== '--all')], { env: { DIGITLAB_ALL: all ? '1' : '' } })
}
