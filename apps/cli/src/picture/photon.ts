// The decoder of pictures, loaded where one is read: its WebAssembly is larger than all the rest of the command.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { PhotonImage } from '@cf-wasm/photon/others'

const load = async (): Promise<typeof PhotonImage> => {
  // Its entry for Node has the module as text, which takes longer to unpack than to compile.
  const { initPhoton, PhotonImage } = await import('@cf-wasm/photon/others')
  if (!initPhoton.initialized) {
    const bytes = await readFile(createRequire(import.meta.url).resolve('@cf-wasm/photon/photon.wasm'))
    if (!initPhoton.initialized) initPhoton.sync({ module: new WebAssembly.Module(bytes) })
  }
  return PhotonImage
}

let loaded: ReturnType<typeof load> | undefined

/** Photon's class of images. */
export const photonImage = (): Promise<typeof PhotonImage> => (loaded ??= load())
