// Builds the stand-in for the driver's library: for tests only.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeOnce } from './make-once'

const here = fileURLToPath(new URL('.', import.meta.url))
const cuda = fileURLToPath(new URL('../cuda', import.meta.url))
const cache = fileURLToPath(new URL('../node_modules/.cache', import.meta.url))

/** Why the stand-in can't be built here; undefined where it can. */
export const whyNoStandin = (): string | undefined => {
  if (process.platform !== 'linux') return 'the stand-in for the NVIDIA driver is built on Linux only'
  const { status } = spawnSync('g++', ['--version'])
  return status === 0 ? undefined : 'the stand-in for the NVIDIA driver needs g++, which is not installed here'
}

/** The kernels that the sources define, each as REGISTER(name). */
const registry = (files: readonly string[], tensor: boolean): string => {
  const text = files.map((file) => readFileSync(join(cuda, file), 'utf8')).join('\n')
  const plain = [...text.matchAll(/^KERNEL(?: __launch_bounds__\([^)]*\))?\s+(\w+)\(/gm)].map(([, name]) => name ?? '')
  const tiled = [...text.matchAll(/^(?:MAT_MUL\()?TILED\((\w+)\)/gm)].map(([, name]) => name ?? '')
  const names = tensor
    ? [...plain.filter((name) => name.endsWith('Tensor')), ...tiled.map((name) => `${name}Tensor`)]
    : [...plain.filter((name) => !/^(TILED|name)$|Tensor$/.test(name)), ...tiled]
  return names.map((name) => `REGISTER(${name})\n`).join('')
}

/**
 * Builds it, or finds it built, for the sources as they are.
 *
 * @returns the library's path
 */
export const buildStandin = (): string => {
  const sources = readdirSync(cuda).filter((file) => file.endsWith('.cu'))
  const hash = createHash('sha256')
  for (const folder of [cuda, here])
    for (const file of readdirSync(folder).sort()) hash.update(file).update(readFileSync(join(folder, file)))
  const library = join(cache, `standin-${hash.digest('hex').slice(0, 16)}.so`)
  mkdirSync(cache, { recursive: true })
  makeOnce(library, () => compile(sources, library))
  return library
}

/** Four files of tests that begin at once would compile it four times: {@link makeOnce}. */
const compile = (sources: readonly string[], library: string): void => {
  const work = mkdtempSync(join(tmpdir(), 'digitlab-standin-'))
  try {
    writeFileSync(join(work, 'kernels.inc'), registry(sources, false))
    writeFileSync(join(work, 'tensor-cores.inc'), registry(['convolution.cu', 'dense.cu', 'mat-mul.cu'], true))
    const built = join(cache, `building-${process.pid}.so`)
    execFileSync(
      'g++',
      [
        ...['-std=c++17', '-O2', '-march=native', '-ffp-contract=off', '-fPIC', '-shared', '-pthread'],
        // Its thread runs until the process ends: the library must not be unloaded before.
        ...['-Wl,-z,nodelete'],
        // An index past a local or shared array stops the kernel, as one past an allocation does.
        ...['-fvisibility=hidden', '-fsanitize=bounds', '-fsanitize-undefined-trap-on-error'],
        ...['-Wall', '-Wno-unknown-pragmas', '-Wno-unused-function', `-I${work}`],
        ...['-o', built, join(here, 'driver.cpp'), join(here, 'tensor-cores.cpp')],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    renameSync(built, library)
  } finally {
    rmSync(work, { recursive: true })
  }
  for (const file of readdirSync(cache))
    if (/^standin-.*\.so$/.test(file) && join(cache, file) !== library) rmSync(join(cache, file), { force: true })
}
