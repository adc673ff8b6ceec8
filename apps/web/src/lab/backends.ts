// The backends a page has. Each is loaded when it is first asked for: a page that trains on WebAssembly brings no WebGPU.
import type { Backend, Probe } from '@digitlab/backends'
import type { PageBackend } from '../protocol'

const drivers: Readonly<Record<PageBackend, () => Promise<Backend>>> = {
  wasm: async () => (await import('./wasm')).createWasm(),
  webgpu: async () => (await import('@digitlab/backends/webgpu')).webgpuBackend(),
  webgl: async () => (await import('@digitlab/backends/webgl')).webglBackend(),
  cpu: async () => (await import('@digitlab/backend-cpu')).cpuBackend(),
}

const loaded = new Map<PageBackend, Promise<Backend>>()

/** A backend of this worker, always the same one. */
export const backendOf = (id: PageBackend): Promise<Backend> => {
  const known = loaded.get(id)
  if (known) return known
  const loading = drivers[id]()
  loaded.set(id, loading)
  loading.catch(() => loaded.delete(id)) // offline, say: it may come another time
  return loading
}

/** How long a backend may take to say what it would compute on, in milliseconds: a driver that hangs never does. */
const patience = 20_000

/** Says what a backend would compute on, or why it can't. */
export const probe = async (id: PageBackend): Promise<Probe> => {
  let late: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<Probe>((resolve) => {
    const answer = {
      usable: false,
      reason: 'its driver does not answer',
      remedy: 'choose another, or restart the browser',
    }
    late = setTimeout(() => resolve(answer as Probe), patience)
  })
  try {
    return await Promise.race([backendOf(id).then((backend) => backend.probe()), silence])
  } catch (error) {
    const reason = `its code could not be loaded (${(error as Error).message})`
    return { usable: false, reason, remedy: 'reload the page when you are online' }
  } finally {
    clearTimeout(late)
  }
}
