// What reads hostile pictures in a process of its own: the decoder is loaded before the first is read, since it is no part of any.
import '@cf-wasm/photon/node'

export { decodePicture } from '../picture/read-picture'
