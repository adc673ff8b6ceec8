// @ts-check
// `npm start`, `npm test`, `npm run build`, `bench`, `bench:nets`, `pictures`, `site` and `release`: everything between a fresh clone and a running command.
// Plain JavaScript without dependencies, because it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
 * Runs a program to its end, and answers whether it ended well. What it writes is shown as it comes, or given to `hear`.
 *
 * @type {(command: readonly [string, ...string[]], options?: { env?: Record<string, string>, hear?: (text: string) => void }) => Promise<boolean>}
 */
const ends = ([program, ...args], { env = {}, hear } = {}) =>
  new Promise((resolve) => {
    /** @type {import('node:child_process').SpawnOptions} */
    const options = { ...optionsOf(env), ...(hear ? { stdio: ['ignore', 'pipe', 'pipe'] } : {}) }
    const child = spawn(program, args, options)
    if (hear) for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', hear)
    child.once('error', (error) => say(`could not run ${program}: ${error.message}`))
    child.once('close', (code) => resolve(code === 0))
  })

/**
 * Runs commands beside one another, each list of them in its order to its end. Where one does not end well, says what they wrote when the last
 * has ended: other output is not torn.
 *
 * @param {readonly (readonly [string, ...string[]])[][]} lists
 * @returns {Promise<boolean>} whether all of them ended well
 */
const together = async (...lists) => {
  let [wrote, well] = ['', true]
  const hear = (/** @type {string} */ text) => void (wrote += text)
  // Compilers make millions of objects that live long: with more room for young ones they are copied less by Node, and looked at less by Go.
  const env = { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --max-semi-space-size=128`, GOGC: '400' }
  const inOrder = async (/** @type {readonly (readonly [string, ...string[]])[]} */ list) => {
    for (const command of list) if (!(await ends(command, { env, hear }))) well = false
  }
  await Promise.all(lists.map(inOrder))
  if (!well) process.stderr.write(wrote)
  return well
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
// Git knows what is built and what is committed under such a name; without it (an archive) nothing is removed.
if (command === 'build' || command === 'release') {
  const { outputs } = JSON.parse(readFileSync(join(root, 'turbo.json'), 'utf8')).tasks.build
  for (const room of ['packages', 'apps'])
    for (const name of readdirSync(join(root, room))) {
      const cwd = join(root, room, name)
      const built = outputs.map((/** @type {string} */ output) => output.replace('/**', ''))
      const there = built.filter((/** @type {string} */ folder) => existsSync(join(cwd, folder)))
      if (there.length > 0) spawnSync('git', ['clean', '-fdXq', '--', ...there], { cwd, stdio: 'inherit' })
    }
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
  say(
    `lint, format and types, and beside them ${all ? 'all tests' : 'tests (of what repeats a sample: --all runs everything)'} ...`,
  )
  const linting = together(
    [['oxlint'], ['eslint', '.', '--max-warnings', '0']],
    [
      ['oxfmt', '--check'],
      ['tsc', '--singleThreaded'], // both processors are busy: more threads would do some of the work twice
      ['tsc', '-p', 'packages/backend-wasm/scripts'],
      ['tsc', '-p', 'tooling/release/rehearsal/programs'],
      ['pnpm', '--silent', '--filter', '@digitlab/web', 'typecheck'],
    ],
  )
  const env = { DIGITLAB_ALL: all ? '1' : '' }
  const tested = await ends(['vitest', 'run', ...rest.filter((word) => word !== '--all')], { env })
  const linted = await linting
  if (!linted) say('lint, format or types are not right: above is what was found')
  process.exitCode = linted && tested ? 0 : 1
}
