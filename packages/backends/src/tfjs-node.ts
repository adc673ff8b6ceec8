// tfjs's own TensorFlow, through the packages @tensorflow/tfjs-node and @tensorflow/tfjs-node-gpu.
import { getBackend, setBackend, version_core } from '@tensorflow/tfjs-core'
import { activate } from './activate'
import { BackendError, type Backend, type Probe } from './backend'
import { loadOptional, type Optional } from './optional-package'

/** What both packages export of what is needed here. */
interface TensorFlowNode {
  readonly version?: Readonly<Record<string, string>>
  readonly backend: () => { readonly binding?: { readonly isUsingGpuDevice?: () => boolean } }
}

/** Which of the two packages is loaded. */
export interface NodeBackendOptions {
  /** True for `@tensorflow/tfjs-node-gpu`, which is refused where it computes on the processor; else `@tensorflow/tfjs-node`. */
  readonly gpu?: boolean
}

/** What tests put in the place of the package and of Node. */
export interface NodeInternals {
  readonly load: (name: string) => Promise<Optional<TensorFlowNode>>
  readonly nodeVersion: string
}

/** From Node 23 on its binding fails at the first tensor: it calls a function of Node's that is gone. */
const firstTooNew = 23

/**
 * TensorFlow's own library, through a package that a user adds: it is loaded when it is asked for and never before, and loading
 * starts it, so that probing does too; it becomes tfjs's current backend only by `start`.
 */
export const nodeBackend = (options: NodeBackendOptions = {}): Backend =>
  nodeBackendOn(options, { load: loadOptional, nodeVersion: process.versions.node })

/** {@link nodeBackend} on packages of the caller's. */
export const nodeBackendOn = ({ gpu = false }: NodeBackendOptions, { load, nodeVersion }: NodeInternals): Backend => {
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node'
  const refused = (reason: string, remedy: string) => ({ usable: false, reason, remedy }) as const

  const find = async (): Promise<(Probe & { usable: false }) | { usable: true; module: TensorFlowNode }> => {
    if (Number.parseInt(nodeVersion, 10) >= firstTooNew)
      return refused(
        `${name} does not run on Node ${nodeVersion} (its binding calls util.isNullOrUndefined, which Node 23 removed)`,
        gpu ? 'use Node 20 or 22, or the backend cuda, which needs the NVIDIA driver alone' : 'use Node 20 or 22',
      )
    const current = getBackend()
    const loaded = await load(name)
    // Loading makes it tfjs's backend, under whatever computes at the time.
    if (current && getBackend() !== current) await setBackend(current)
    if (!('module' in loaded)) return refused(loaded.reason, loaded.remedy)
    const { module } = loaded
    if (gpu && module.backend().binding?.isUsingGpuDevice?.() !== true)
      return refused(
        `${name} is installed but computes on the processor: it did not find CUDA 11.2 and cuDNN 8.1, or no GPU that it knows`,
        'use the backend cuda, which needs the NVIDIA driver alone, or install those libraries',
      )
    return { usable: true, module }
  }
  const device = gpu ? 'TensorFlow 2.9 on a GPU (CUDA 11.2)' : 'TensorFlow 2.9 on the processor'
  const id = gpu ? 'tfjs-node-gpu' : 'node'

  return {
    id,
    asynchronous: false,

    async probe() {
      const found = await find()
      return found.usable ? { usable: true, device } : found
    },

    async start() {
      const found = await find()
      if (!found.usable) throw new BackendError(`the backend "${id}" cannot start: ${found.reason}; ${found.remedy}`)
      await activate('tensorflow')
      const versions = {
        [name]: found.module.version?.['tfjs-node'] ?? 'unknown',
        '@tensorflow/tfjs-core': version_core,
      }
      return { id, device, threads: 1, versions }
    },
  }
}
