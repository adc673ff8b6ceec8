export { cudaBackend, type CudaOptions, type Precision } from './cuda-backend'
export { oldestDriver } from './driver'
export { DriverError } from './driver-error'
