import { kernelsIn } from '@digitlab/ops/backend'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { instanceOf } from './instance'

/** Defines a kernel by its contract in @digitlab/ops, which has checked what the kernel is given. */
export const defineKernel = kernelsIn((backend) => instanceOf(backend as BackendWasm))
