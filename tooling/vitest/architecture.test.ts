import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly name: string
  readonly dependencies?: Record<string, string>
}

const manifests = ['packages', 'apps'].flatMap((room) =>
  readdirSync(join(root, room))
    .filter((folder) => existsSync(join(root, room, folder, 'package.json')))
    .map((folder) => {
      const path = join(room, folder)
      return { path, manifest: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Manifest }
    }),
)

/** What each package may be made of. Nothing but an app may name a concrete backend. */
const allowed: Record<string, readonly string[]> = {
  '@digitlab/idx': [],
  '@digitlab/random': [],
  '@digitlab/report': [],
  '@digitlab/backends': [],
  '@digitlab/ops': ['@digitlab/random'],
  '@digitlab/sweep': ['@digitlab/random'],
  '@digitlab/data': ['@digitlab/idx', '@digitlab/random'],
  '@digitlab/models': ['@digitlab/ops', '@digitlab/random'],
  '@digitlab/weights': ['@digitlab/models'],
  '@digitlab/train': [
    '@digitlab/backends',
    '@digitlab/data',
    '@digitlab/models',
    '@digitlab/ops',
    '@digitlab/random',
    '@digitlab/weights',
  ],
  '@digitlab/backend-cpu': ['@digitlab/backends', '@digitlab/ops'],
  '@digitlab/backend-wasm': ['@digitlab/backends', '@digitlab/ops'],
  '@digitlab/backend-cuda': ['@digitlab/backends', '@digitlab/ops'],
}

describe.each(manifests)('$path', ({ path, manifest }) => {
  test('depends only on what lies below it', () => {
    const own = Object.keys(manifest.dependencies ?? {}).filter((name) => /^(@digitlab\/|digitlab$)/.test(name))
    if (path.startsWith('apps')) expect(own).not.toContain('digitlab')
    else expect(own.filter((name) => !allowed[manifest.name]?.includes(name))).toEqual([])
  })
})

/** A file's text without its comments. */
const code = (path: string): string => readFileSync(path, 'utf8').replace(/\/\*[^]*?\*\/|(^|\s)\/\/.*$/gm, '')

const sources = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name))

test('a library never names the options and commands of digitlab: what a page or a program can do is another thing', () => {
  const command = sources(join(root, 'apps/cli/src')).map(code).join('\n')
  const options = new Set([...command.matchAll(/'(?:-\w, )?(--[a-z][a-z0-9-]*)/g)].map(([, option]) => option))
  expect(options).toContain('--data-dir')
  const said: string[] = []
  for (const { path } of manifests.filter(({ path }) => path.startsWith('packages')))
    for (const file of sources(join(root, path, 'src')))
      // What a container is started with is docker's option, whatever the command's own are called.
      for (const [words] of code(file)
        .replaceAll('(--gpus all)', '')
        .matchAll(/--[a-z][a-z0-9-]*|["'`(]digitlab [a-z]+/g))
        if (options.has(words) || words.includes('digitlab ')) said.push(`${file.slice(root.length)}: ${words}`)
  expect(said).toEqual([])
})

test('the lock file and the configuration name no registry host', () => {
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) {
    const text = readFileSync(join(root, file), 'utf8')
    expect(text.match(/tarball:|registry\.|https?:\/\//g) ?? [], file).toEqual([])
  }
  expect(existsSync(join(root, '.npmrc'))).toBe(false)
})

test.each(['README.md', 'docs/architecture.md'])(
  'the picture in %s shows the packages as their manifests have them',
  (file) => {
    const page = readFileSync(join(root, file), 'utf8')
    const arrows = [...page.matchAll(/^ +([\w-]+) --> (.+)$/gm)].flatMap(([, from = '', to = '']) =>
      to.split(' & ').map((name) => `${from} -> ${name}`),
    )
    const short = (name: string) => (name === 'digitlab' ? 'cli' : name.replace('@digitlab/', ''))
    const declared = manifests.flatMap(({ manifest }) =>
      Object.keys(manifest.dependencies ?? {})
        .filter((name) => name.startsWith('@digitlab/'))
        .map((name) => `${short(manifest.name)} -> ${short(name)}`),
    )
    expect(arrows.sort()).toEqual(declared.sort())
  },
)
