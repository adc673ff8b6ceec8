// Which kinds of tfjs-layers' layers train, on stock backends and on ours: docs/what-trains.md is what this finds.
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { formatted } from '../packages/marked-part'
import type { Trained } from './sides/layers'
import { runBundled } from './specs'

const document = fileURLToPath(new URL('../../docs/what-trains.md', import.meta.url))

/** tfjs's own gradients of it read, on wasm, memory that they have not written: what was there before decides. */
const undecided = (kind: string, side: string): boolean => kind === 'Conv3D' && side.startsWith('wasm')

const table = (found: readonly Trained[]): string => {
  const sides = Object.keys(found[0]?.on ?? {})
  const cell = (said = ''): string => {
    if (said === '') return 'trains'
    const [, kernel] = /Kernel '(\w+)' not registered/.exec(said) ?? []
    if (kernel !== undefined) return `no \`${kernel}\``
    const [, operation] = /gradient function not found for (\w+)/.exec(said) ?? []
    if (operation !== undefined) return `no gradient of \`${operation}\``
    return said.includes('dilation rates greater than 1') ? 'no gradient of dilations' : said
  }
  const rows = [
    ['layer', ...sides],
    ['---', ...sides.map(() => '---')],
    ...found.map(({ kind, on }) => [
      kind,
      ...sides.map((side) => cell(undecided(kind, side) ? 'trains or gives NaN' : on[side])),
    ]),
  ]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

test("every kind of layer trains on ours that trains on tfjs's own backend, and on wasm what that lacks", async () => {
  const found = await runBundled<Trained[]>([`import { tryLayers } from './sides/layers'`], 'tryLayers()')
  expect(found.length).toBeGreaterThan(50)
  for (const { kind, on } of found)
    for (const backend of ['cpu', 'wasm'])
      if (on[`${backend}, stock`] === '' && !undecided(kind, backend))
        expect(on[`${backend}, ours`], `${kind} on ${backend}`).toBe('')
  const on = (kind: string) => found.find((one) => one.kind === kind)?.on ?? {}
  for (const kind of ['Conv2D', 'SeparableConv2D', 'DepthwiseConv2D', 'AveragePooling2D', 'LSTM'])
    expect(on(kind)['wasm, ours'], kind).toBe('')
  const text = `# What trains

Each kind of layer that \`@tensorflow/tfjs-layers\` has, in a small net with weights before and after it, trained by \`model.trainOnBatch\` with tfjs's
own autograd: on the stock backends, and on the same with the kernels of \`@digitlab/backend-cpu\` and \`@digitlab/backend-wasm\` registered
(\`registerCpuKernels\`, \`registerWasmKernels\`). It trains where the loss falls by a twentieth in eight steps; elsewhere this says what is missing.
Written by \`npx vitest run tooling/tfjs/layers.test.ts -u\`, and held to what is found by the same test.

${table(found)}
`
  await expect(await formatted(text, 'md')).toMatchFileSnapshot(document)
})
