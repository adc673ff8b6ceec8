export { cpuBackend, registerCpuKernels } from './cpu-backend'
