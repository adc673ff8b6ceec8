import type { Backend } from '@digitlab/backends'
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'

/** Every backend this program brings, the one `auto` likes best first. */
export const backends = (): readonly Backend[] => [wasmBackend(), cpuBackend()]
