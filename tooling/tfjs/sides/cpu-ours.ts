import { registerCpuKernels } from '@digitlab/backend-cpu'
import { expectOn } from './boot'

registerCpuKernels()
expectOn('cpu')
