// On the stand-in for NVIDIA's driver. Blocks of memory are as long as asked for, so that a step past an end is noticed.
import { getBackend } from '@tensorflow/tfjs-core'
import { cudaBackendOn } from '../../../packages/backend-cuda/src/cuda-backend'
import { loadDriver } from '../../../packages/backend-cuda/src/driver'
import { buildStandin } from '../../../packages/backend-cuda/standin/build'
import { expectOn } from './boot'

await cudaBackendOn({}, { driver: async () => loadDriver(buildStandin()), blockSize: (bytes) => bytes }).start()
expectOn(getBackend())
