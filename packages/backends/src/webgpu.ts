// What a program takes of the WebGPU driver.
export type { Backend, BackendId, BackendInfo, DeviceWatch, Probe, Recording, StepVariables } from './backend'
export { webgpuBackend } from './tfjs-webgpu'
