// The backend on a GPU where there is one, else on the stand-in for the driver: what its tests run on.
import type { Backend } from '@digitlab/backends'
import { beforeEach } from 'vitest'
import { cudaBackend, cudaBackendOn, type CudaOptions } from '../src/cuda-backend'
import { loadDriver } from '../src/driver'
import { buildStandin, whyNoStandin } from './build'

/** Why there is no stand-in here; undefined where there is one. */
export const noStandin = whyNoStandin()

/** The backend on the stand-in. Blocks of memory are as long as asked for, so that a step past an end is noticed. */
export const standinBackend = (options: CudaOptions = {}): Backend =>
  cudaBackendOn(options, { driver: async () => loadDriver(buildStandin()), blockSize: (bytes) => bytes })

/** On the GPU where REQUIRE_BACKEND=cuda asks for it, else on the stand-in. */
export const testedBackend = (options: CudaOptions = {}): Backend =>
  onGpu ? cudaBackend(options) : standinBackend(options)

export const onGpu = process.env['REQUIRE_BACKEND'] === 'cuda'

/** Why nothing can be tested here; undefined where it can. */
export const untestable = onGpu ? undefined : noStandin

/** Skips the tests of a group, with the reason, where there is no stand-in. */
export const needStandin = (): void =>
  beforeEach(({ skip }) => {
    if (noStandin !== undefined) skip(noStandin)
  })
