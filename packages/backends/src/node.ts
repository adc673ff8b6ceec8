// The driver for tfjs's own TensorFlow in Node: an entry of its own, so that a page never meets it.
export type { Backend, BackendId, BackendInfo, DeviceWatch, Probe, Recording, StepVariables } from './backend'
export { nodeBackend, type NodeBackendOptions } from './tfjs-node'
