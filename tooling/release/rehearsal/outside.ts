// Another team's machine: a home, caches and configuration of its own, and one registry.
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { attempt, npm, run, type Command, type RunOptions } from '../shell'

/** What of this machine's environment is the machine's and not the user's. */
const kept = [
  ...['PATH', 'LANG', 'TZ', 'SystemRoot', 'windir', 'ComSpec', 'PATHEXT', 'ProgramFiles', 'ProgramData'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
]

/** A path without the programs that a workspace put on it. */
const plainPath = (path = '') =>
  path
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter)

/** The programs a team brings along; each from the registry, by its npm package. */
const tools = { pnpm: '10.34.8', yarn: '1.22.22', '@yarnpkg/cli-dist': '4.18.1' }

/**
 * Sets up a machine.
 *
 * @param folder where everything goes; has to be outside any workspace
 * @param registry { url, token? }; with a token it may publish there, and through its gates
 */
export const setUpOutside = async (
  folder: string,
  { url, token }: { readonly url: string; readonly token?: string },
  gates: readonly string[] = [],
) => {
  const home = join(folder, 'home')
  const temporary = join(folder, 'tmp')
  await mkdir(home, { recursive: true })
  await mkdir(temporary)
  const env = {
    ...Object.fromEntries(kept.filter((name) => name in process.env).map((name) => [name, process.env[name]])),
    PATH: [dirname(process.execPath), plainPath(process.env['PATH'])].join(delimiter),
    ...{ HOME: home, USERPROFILE: home, APPDATA: join(home, 'appdata'), LOCALAPPDATA: join(home, 'local') },
    ...{
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_DATA_HOME: join(home, '.local'),
      XDG_CONFIG_HOME: join(home, '.config'),
    },
    ...{ TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    ...{ CI: 'true', NO_COLOR: '1', YARN_ENABLE_COLORS: '0' }, // no questions, no progress bars, nothing but text
  }
  const login =
    token === undefined ? [] : [url, ...gates].map((at) => `${at.replace(/^http:/, '')}:_authToken=${token}`)
  const npmrc = [`registry=${url}`, ...login, 'audit=false', 'fund=false', 'update-notifier=false', 'fetch-retries=0']
  await writeFile(join(home, '.npmrc'), `${npmrc.join('\n')}\n`)
  await writeFile(join(home, '.yarnrc'), `registry "${url}"\n`)
  const yarnrc = [
    `npmRegistryServer: "${url}"`,
    'unsafeHttpWhitelist: ["127.0.0.1"]',
    'enableTelemetry: false',
    'npmMinimalAgeGate: 0', // what is published here is younger than any age
  ]
  await writeFile(join(home, '.yarnrc.yml'), `${yarnrc.join('\n')}\n`)

  type More = Pick<RunOptions, 'env' | 'seconds'>
  const options = (cwd: string, more: More) => ({ cwd, env: { ...env, ...more.env }, seconds: more.seconds ?? 180 })
  /** Runs a program as that team. @returns its standard output */
  const execute = (command: Command, cwd: string, more: More = {}) => run(command, options(cwd, more))
  /** As execute, for a program that may answer by its exit status. @returns all that it wrote */
  const ask = async (command: Command, cwd: string, more: More = {}) => {
    const { stdout, stderr } = await attempt(command, options(cwd, more))
    return stdout + stderr
  }

  /** A new folder with a package.json and other files. @returns its path */
  const project = async (name: string, manifest: object = {}, files: Readonly<Record<string, string>> = {}) => {
    const path = join(folder, 'projects', name)
    await mkdir(path, { recursive: true })
    const full = { name, version: '1.0.0', private: true, ...manifest }
    await writeFile(join(path, 'package.json'), JSON.stringify(full, null, 2))
    for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content)
    return path
  }

  let installed: Promise<Readonly<Record<string, Command>>> | undefined
  /** A package manager, as a command; all but npm are installed when the first is asked for. */
  const manager = async (name: string): Promise<Command> => {
    if (name === 'npm') return npm()
    installed ??= project('tools', { dependencies: tools }).then(async (path) => {
      await execute([...npm(), 'install', '--ignore-scripts'], path)
      const script = (...parts: string[]) => [process.execPath, join(path, 'node_modules', ...parts)]
      return {
        'pnpm 10': script('pnpm', 'bin', 'pnpm.cjs'),
        'Yarn 1': script('yarn', 'bin', 'yarn.js'),
        'Yarn 4 (PnP)': script('@yarnpkg', 'cli-dist', 'bin', 'yarn.js'),
      }
    })
    const command = (await installed)[name]
    if (command === undefined) throw new Error(`there is no package manager ${name} here`)
    return command
  }
  return { folder, home, env, execute, ask, project, manager }
}

export type Team = Awaited<ReturnType<typeof setUpOutside>>
