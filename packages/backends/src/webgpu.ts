// The driver for tfjs's WebGPU backend, in a page or in Node: an entry of its own, as it brings that backend.
export type { Backend, BackendId, BackendInfo, DeviceWatch, Probe, Recording, StepVariables } from './backend'
export { webgpuBackend } from './tfjs-webgpu'
