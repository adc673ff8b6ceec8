// Driver for tfjs's WebGL backend, in a page or a worker of one: an entry of its own, as it brings that backend.
export type { Backend, BackendId, BackendInfo, DeviceWatch, Probe, Recording, StepVariables } from './backend'
import type { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl'
import { backend as currentBackend, env, version_core } from '@tensorflow/tfjs-core'
import { activate } from './activate'
import { BackendError, type Backend } from './backend'
import { replaceLost, watchDevice, watchOf } from './device-watch'

type Found =
  | { readonly usable: true; readonly device: string }
  | { readonly usable: false; readonly reason: string; readonly remedy: string }

/** A context of a canvas that nobody sees; undefined if this place or its GPU has none. */
const createContext = (options: WebGLContextAttributes): WebGL2RenderingContext | undefined => {
  // A worker has no other canvas; a page may be of a browser that lacks this one.
  if (typeof OffscreenCanvas !== 'undefined')
    return new OffscreenCanvas(1, 1).getContext('webgl2', options) ?? undefined
  return globalThis.document?.createElement('canvas').getContext('webgl2', options) ?? undefined
}

/** A browser allows a page few contexts: one that only looked is given back. */
const giveBack = (gl: WebGL2RenderingContext | undefined): void => gl?.getExtension('WEBGL_lose_context')?.loseContext()

/** Whether a texture of float32 can be rendered to, without which tfjs would compute in float16. */
const rendersFloat32 = (gl: WebGL2RenderingContext): boolean => {
  if (!gl.getExtension('EXT_color_buffer_float')) return false
  const texture = gl.createTexture()
  gl.bindTexture(gl.TEXTURE_2D, texture)
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 1, 1, 0, gl.RGBA, gl.FLOAT, null)
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer())
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0)
  return gl.checkFramebufferStatus(gl.FRAMEBUFFER) === gl.FRAMEBUFFER_COMPLETE
}

/** What a GPU calls itself, where the browser tells. */
const rendererOf = (gl: WebGL2RenderingContext): string => {
  const told = gl.getExtension('WEBGL_debug_renderer_info')
  const name: unknown = gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER)
  return typeof name === 'string' && name !== '' ? name : 'an unnamed GPU'
}

const find = (): Found => {
  if (typeof OffscreenCanvas === 'undefined' && typeof document === 'undefined')
    return { usable: false, reason: 'there is no canvas here', remedy: 'use it in a browser, or another backend' }
  // A browser that draws by the processor gives no context to whoever asks for a fast one.
  const fast = createContext({ failIfMajorPerformanceCaveat: true })
  const gl = fast ?? createContext({})
  try {
    if (!gl)
      return {
        usable: false,
        reason: 'this browser gives no WebGL 2 context',
        remedy: 'switch hardware acceleration on in its settings, or use another backend',
      }
    if (!rendersFloat32(gl))
      return {
        usable: false,
        reason: `the GPU (${rendererOf(gl)}) does not render to textures of float32: it would train in float16, with another result`,
        remedy: 'use another backend, wasm for instance',
      }
    const name = rendererOf(gl)
    const software = !fast || /swiftshader|llvmpipe|softpipe|microsoft basic render/i.test(name)
    return { usable: true, device: `${name} (WebGL${software ? ', computed by the processor' : ''})` }
  } catch (error) {
    return { usable: false, reason: `WebGL failed (${(error as Error).message})`, remedy: 'use another backend' }
  } finally {
    giveBack(gl)
  }
}

/** As tfjs registers it. */
const priority = 2

/**
 * tfjs's own WebGL backend, `@tensorflow/tfjs-backend-webgl`, in a page or a worker, in float32: a GPU that can't is refused. A user
 * adds the package.
 */
export const webglBackend = (): Backend => ({
  id: 'webgl',
  asynchronous: true,
  watch: () => watchOf('webgl'),

  async probe() {
    return find()
  },

  async start() {
    const found = find()
    if (!found.usable) throw new BackendError(`the backend "webgl" cannot start: ${found.reason}; ${found.remedy}`)
    const { version_webgl } = await import('@tensorflow/tfjs-backend-webgl').catch((cause: unknown) => {
      throw new BackendError(
        'the backend "webgl" needs the package @tensorflow/tfjs-backend-webgl: run "npm install @tensorflow/tfjs-backend-webgl"',
        { cause },
      )
    })
    env().set('SOFTWARE_WEBGL_ENABLED', true) // tfjs takes no context that the processor draws, unless it is told to
    replaceLost('webgl', priority)
    await activate('webgl')
    if (!env().getBool('WEBGL_RENDER_FLOAT32_ENABLED'))
      throw new BackendError(
        'the backend "webgl" would compute in float16 (WEBGL_RENDER_FLOAT32_ENABLED is false): leave that flag of tfjs alone, or use another backend',
      )
    const backend = currentBackend()
    watchDevice('webgl', backend, (gone) => {
      const { gl } = (backend as MathBackendWebGL).gpgpu
      const why = 'the browser took its WebGL context away, as it does when the driver of the GPU starts again'
      gl.canvas.addEventListener('webglcontextlost', () => gone(why))
      return () => (gl.isContextLost() ? why : undefined)
    })
    return {
      id: 'webgl',
      device: found.device,
      threads: 1,
      versions: { '@tensorflow/tfjs-backend-webgl': version_webgl, '@tensorflow/tfjs-core': version_core },
    }
  },
})
