// Who is compared: for each side the process that trains, and how much of an epoch a turn of it takes.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { execa } from 'execa'
import manifest from './package.json' with { type: 'json' }

/** A side: the process that trains. */
export interface SideSpec {
  readonly id: string
  readonly title: string
  readonly command: string
  readonly args: readonly string[]
}

/** The peers' versions, which are pinned. */
export const jaxVersion = manifest.dependencies['@jax-js/jax']

const here = fileURLToPath(new URL('.', import.meta.url))
const script = (name: string) => join(here, 'sides', name)

/** What goes to PyTorch is told beside what goes to JavaScript, so that a missing one is said, not passed over. */
export const pythonWithTorch = async (python: string): Promise<string | undefined> => {
  const found = await execa(python, ['-c', 'import torch; print(torch.__version__)'], { reject: false })
  return found.exitCode === 0 ? found.stdout.trim() : undefined
}

/** Plain Node can't import the file of tfjs-core that registers the gradients: it is bundled. @returns the bundle's path */
export const bundleTfjs = async (folder: string): Promise<string> => {
  const outfile = join(folder, 'tfjs.mjs')
  await build({
    entryPoints: [script('tfjs.mjs')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'], // one copy of tfjs-core for all
    logLevel: 'error',
    // Some of what is bundled is CommonJS and uses its globals.
    banner: {
      js: [
        "import { createRequire as bundleRequire } from 'node:module'",
        "import { fileURLToPath as bundlePath } from 'node:url'",
        'const require = bundleRequire(import.meta.url)',
        'const __filename = bundlePath(import.meta.url)',
        "const __dirname = bundlePath(new URL('.', import.meta.url))",
      ].join(';'),
    },
  })
  return outfile
}

const wasmFolder = () => `${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`

export interface SidesContext {
  /** The folder of MNIST's files. */
  readonly data: string
  readonly batchSize: number
  readonly cores: number
  readonly python: string
  /** PyTorch's version; undefined where it can't be had. */
  readonly torch: string | undefined
  /** The bundle of tfjs; undefined where it is left out. */
  readonly tfjs: string | undefined
  /** The numbers of threads that digitlab's wasm trains with: one, and one a core, unless given. Its cpu has one. */
  readonly counts?: readonly number[]
  /** How many steps of an epoch a turn takes; all unless given, but of sides that take minutes. */
  readonly steps?: number
}

/** All sides for a model. */
export const sidesFor = (
  model: string,
  { data, batchSize, cores, python, torch, tfjs, counts = [...new Set([1, cores])], steps: most }: SidesContext,
): SideSpec[] => {
  const node = (id: string, title: string, file: string, task: object, flags: readonly string[] = []) => ({
    id,
    title,
    command: process.execPath,
    args: [...flags, file, JSON.stringify({ model, data, batchSize, ...task })],
  })
  // Steps of an epoch that a turn takes where all 938 would take minutes.
  const steps = (byModel: Readonly<Record<string, number>>) => {
    const taken = most ?? byModel[model]
    return taken === undefined ? {} : { steps: taken }
  }
  const ours = (backend: string, workers: number) =>
    node(
      `${backend}-${workers}`,
      `digitlab ${backend}, ${workers === 1 ? '1 thread' : `${workers} threads`}`,
      script('ours.mjs'),
      { backend, workers, ...(backend === 'cpu' ? steps({ 'two-layer': 300, cnn: 60 }) : steps({})) },
      ['--expose-gc'],
    )
  const pytorch = (loop: string, words: string, threads = cores) => ({
    id: `torch-${loop}${threads === cores ? '' : `-${threads}`}`,
    title: `PyTorch ${torch}, ${words}, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
    command: python,
    args: [
      script('torch_side.py'),
      JSON.stringify({
        model,
        data,
        batchSize,
        threads,
        loop,
        ...steps(threads === cores ? {} : { cnn: 60 }),
        reference: join(here, '..', 'reference'),
      }),
    ],
  })
  return [
    ...counts.map((workers) => ours('wasm', workers)),
    ours('cpu', 1),
    ...(torch === undefined
      ? []
      : [
          pytorch('resident', 'data resident'),
          ...(cores > 1 ? [pytorch('resident', 'data resident', 1)] : []),
          pytorch('DataLoader', 'DataLoader'),
        ]),
    ...(tfjs === undefined
      ? []
      : [
          node('tfjs-wasm', 'tfjs 4.22 wasm', tfjs, {
            backend: 'wasm',
            wasmFolder: wasmFolder(),
            ...steps({ linear: 300, 'two-layer': 200 }),
          }),
          node('tfjs-cpu', 'tfjs 4.22 cpu', tfjs, {
            backend: 'cpu',
            ...steps({ linear: 200, 'two-layer': 60, cnn: 1 }),
          }),
        ]),
    node('jax-js', `jax-js ${jaxVersion} wasm`, script('jax.mjs'), steps({ linear: 300, 'two-layer': 300, cnn: 4 })),
  ]
}
