// A kernel of ours that fails a test of tfjs-core's which the stock backend passes is wrong. By default the tests of what we have kernels
// for; with DIGITLAB_ALL=1 all of tfjs-core's.
import { beforeAll, describe, expect, test } from 'vitest'
import { whyNoStandin } from '../../packages/backend-cuda/standin/build'
import { runSpecs, specFiles, type Side, type SpecResult } from './specs'

/** Files of tests that reach kernels of ours. */
const ofGeneralKernels = /conv|dense|mat_mul|max_pool|pool_test|einsum|gradients|lstm|rnn|sgd|adam_/
const ofCudaKernels =
  /^ops\/(?!.*(image|signal|sparse|string|ragged|linalg|3d|depthwise|dilation|complex|rand|batch_?norm|space|cum|search|unique|scatter))/

const all = process.env['DIGITLAB_ALL'] === '1'

/** What the cuda backend has no kernel for, or refuses in words. */
const refused = /not registered for backend 'cuda'|the cuda backend (keeps|takes)|has no kernel for this call/

/** Tests of tfjs-core's that a backend of ours fails on purpose. */
const explained: Partial<Record<Side, readonly string[]>> = {
  // To read the indices would be to wait for the GPU. An index out of range gives 0, as on tfjs's own GPU backends.
  'cuda-ours': [
    'gather test {} throws when index is out of bound',
    // tfjs-core has these for backends called cpu alone.
    'Switching cpu backends test {} Move data from cpu1 to cpu2 backend',
    'Switching cpu backends test {} can execute op with data from mixed backends',
  ],
}

const sides: readonly { ours: Side; stock: Side; files: RegExp; least: number }[] = [
  { ours: 'cpu-ours', stock: 'cpu-stock', files: ofGeneralKernels, least: 500 },
  { ours: 'wasm-ours', stock: 'wasm-stock', files: ofGeneralKernels, least: 400 },
  { ours: 'cuda-ours', stock: 'cpu-stock', files: ofCudaKernels, least: 1500 },
]

describe.each(sides)('what $stock passes, $ours passes', ({ ours, stock, files, least }) => {
  const lacking = ours === 'cuda-ours' ? whyNoStandin() : undefined
  let results: { own: SpecResult[]; theirs: SpecResult[] } = { own: [], theirs: [] }

  beforeAll(async () => {
    if (lacking !== undefined) return
    const chosen = (await specFiles()).filter((file) => all || files.test(file))
    const [own, theirs] = await Promise.all([runSpecs(ours, chosen), runSpecs(stock, chosen)])
    results = { own, theirs }
  })

  test("tfjs-core's own operator tests", (context) => {
    if (lacking !== undefined) return context.skip(lacking)
    const passed = new Set(results.theirs.filter(({ status }) => status === 'passed').map(({ name }) => name))
    expect(passed.size).toBeGreaterThan(least)
    const run = new Map(results.own.map((result) => [result.name, result]))
    const short = [...passed].flatMap((name) => {
      const { status = 'did not run', messages = [] } = run.get(name) ?? {}
      const fine = status === 'passed' || (ours === 'cuda-ours' && messages.some((message) => refused.test(message)))
      return fine || explained[ours]?.includes(name) ? [] : [`${name}: ${status}: ${messages[0]}`]
    })
    expect(short).toEqual([])
  })
})
