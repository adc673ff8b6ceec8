// Driver for tfjs's WebGPU backend, in a page or in Node: an entry of its own, as it brings that backend.
import { backend as currentBackend, version_core } from '@tensorflow/tfjs-core'
import { activate } from './activate'
import { BackendError, type Backend } from './backend'
import { replaceLost, watchDevice, watchOf } from './device-watch'
import { loadOptional, type Optional } from './optional-package'

/** What is needed of WebGPU here. */
interface Gpu {
  requestAdapter(options?: { readonly powerPreference?: 'high-performance' }): Promise<Adapter | null>
}

interface Adapter {
  readonly info?: AdapterInfo
}

interface AdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  readonly isFallbackAdapter?: boolean
}

/** The npm package `webgpu`: Dawn, the implementation of Chrome, for Node. */
interface Dawn {
  readonly create: (options: readonly string[]) => Gpu
  readonly globals: Readonly<Record<string, unknown>>
}

/** tfjs's backend, as far as a lost device asks for it. */
interface WithDevice {
  readonly device: { readonly lost: Promise<{ readonly reason: string; readonly message: string }> }
}

type Found =
  | { readonly usable: true; readonly device: string; readonly install: () => void }
  | { readonly usable: false; readonly reason: string; readonly remedy: string }

const inNode = typeof process === 'object' && process.versions?.node !== undefined

/** What a GPU calls itself; one that is none, SwiftShader for instance, is said to be. */
const deviceName = ({ info }: Adapter, by: string): string => {
  const { vendor = '', architecture = '', device = '', description = '', isFallbackAdapter = false } = info ?? {}
  const name = description || device || [vendor, architecture].filter(Boolean).join(' ') || 'an unnamed GPU'
  return `${name} (${by}${isFallbackAdapter ? ', computed by the processor' : ''})`
}

let dawn: { readonly module: Dawn; readonly gpu: Gpu } | undefined

const findInNode = async (load: WebgpuInternals['dawn']): Promise<Found> => {
  const loaded = await load()
  if (!('module' in loaded)) return { usable: false, ...loaded }
  dawn ??= { module: loaded.module, gpu: loaded.module.create([]) }
  const { module, gpu } = dawn
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter)
    return {
      usable: false,
      reason: 'the package webgpu (Dawn) finds no GPU',
      remedy: 'install a driver with Vulkan (and on Linux libvulkan1), or use another backend',
    }
  const install = () => {
    // tfjs's backend looks for both where a page has them, when it is loaded.
    Object.assign(globalThis, module.globals)
    const { navigator } = globalThis as { navigator?: object }
    if (navigator) Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
    else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true })
  }
  return { usable: true, device: deviceName(adapter, 'WebGPU, Dawn'), install }
}

const findInPage = async (): Promise<Found> => {
  const { gpu } = globalThis.navigator as { gpu?: Gpu }
  if (!gpu)
    return {
      usable: false,
      reason: 'this browser has no WebGPU, or not on this page',
      remedy: 'use Chrome, Edge or Safari of 2025 or later, and a page of https or of localhost',
    }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter)
    return {
      usable: false,
      reason: 'this browser gives no GPU to WebGPU',
      remedy: 'switch hardware acceleration on in its settings, or use another backend',
    }
  return { usable: true, device: deviceName(adapter, 'WebGPU'), install() {} }
}

/** What drives Dawn for tfjs; named in words only here, as an import needs a literal. */
const tfjsPackage = '@tensorflow/tfjs-backend-webgpu'

/** As tfjs registers it. */
const priority = 3

/** What tests put in the place of the package `webgpu`. */
export interface WebgpuInternals {
  readonly dawn: () => Promise<Optional<Dawn>>
}

/**
 * tfjs's own WebGPU backend, `@tensorflow/tfjs-backend-webgpu`: on a browser's GPU, or in Node on any GPU that the package `webgpu`
 * finds, AMD's, Intel's and Apple's among them. A user adds both packages.
 */
export const webgpuBackend = (): Backend => webgpuBackendOn({ dawn: () => loadOptional<Dawn>('webgpu', tfjsPackage) })

/** {@link webgpuBackend} on a Dawn of the caller's. */
export const webgpuBackendOn = ({ dawn }: WebgpuInternals): Backend => {
  const find = async (): Promise<Found> => {
    try {
      return await (inNode ? findInNode(dawn) : findInPage())
    } catch (error) {
      return { usable: false, reason: `WebGPU failed (${(error as Error).message})`, remedy: 'use another backend' }
    }
  }
  return {
    id: 'webgpu',
    asynchronous: true,
    watch: () => watchOf('webgpu'),

    async probe() {
      const found = await find()
      return found.usable ? { usable: true, device: found.device } : found
    },

    async start() {
      const found = await find()
      if (!found.usable) throw new BackendError(`the backend "webgpu" cannot start: ${found.reason}; ${found.remedy}`)
      found.install()
      const versions = await import('@tensorflow/tfjs-backend-webgpu').then(
        () => ({ '@tensorflow/tfjs-backend-webgpu': version_core, '@tensorflow/tfjs-core': version_core }),
        (cause: unknown) => {
          throw new BackendError(
            `the backend "webgpu" needs the package ${tfjsPackage}: run "npm install ${tfjsPackage}"`,
            { cause },
          )
        },
      )
      replaceLost('webgpu', priority)
      await activate('webgpu')
      const backend = currentBackend()
      watchDevice('webgpu', backend, (gone) => {
        const { device } = backend as unknown as WithDevice // its types do not tell
        void device.lost.then(({ reason, message }) => gone(message || `its reason is ${reason}`))
        return () => undefined
      })
      return { id: 'webgpu', device: found.device, threads: 1, versions }
    },
  }
}
