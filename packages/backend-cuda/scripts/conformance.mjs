// @ts-check
// The conformance suite of @digitlab/ops on the GPU, without a test runner: part of tooling/gpu/gpu.sh.
import { conformanceCases } from '@digitlab/ops/conformance'
import { operationPaths } from '@digitlab/ops'
import { cudaBackend } from '../src/index.ts'

const info = await cudaBackend().start()
let [passed, failed] = [0, 0]
for (const { name, run } of conformanceCases())
  try {
    await run()
    passed++
  } catch (error) {
    failed++
    console.log(`FAIL ${name}: ${error instanceof Error ? error.message : error}`)
  }
const kernels = Object.values(operationPaths()).filter((path) => path === 'kernel').length
console.log(`${passed} passed, ${failed} failed; ${kernels} operations with kernels, on ${info.device}`)
process.exitCode = failed > 0 ? 1 : 0
