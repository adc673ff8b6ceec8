/** What a user can do about a CUresult; the others are defects of a kernel or of this package. */
const remedies: Readonly<Record<number, string>> = {
  2: 'use a smaller batch, another GPU, or end what else holds its memory (nvidia-smi lists it)',
  3: 'run the command again; if that does not help, load the driver anew or restart the machine',
  34: 'what was found is a stub of the toolkit: put the driver’s own library before it in the library path',
  46: 'another program holds the GPU for itself: end it, or set the compute mode to default (nvidia-smi -c 0)',
  100: 'see with nvidia-smi whether the driver finds a GPU; in a container, start it with the GPU (--gpus all)',
  101: 'name another GPU',
  201: 'run the command again',
  209: 'use a GPU of compute capability 6.0 or later',
  214: 'the GPU’s memory is faulty (ECC): use another GPU, or reset it',
  218: 'install a newer NVIDIA driver',
  221: 'install the whole NVIDIA driver: its compiler for kernels (libnvidia-ptxjitcompiler) is missing',
  222: 'install a newer NVIDIA driver',
  304: 'see in the system’s log what keeps the driver from working',
  702: 'the GPU also draws the screen and stopped a long kernel: use a smaller batch or another GPU',
  800: 'run the command as a user who may use the GPU (group video or render)',
  802: 'wait until the machine’s GPU services (nvidia-fabricmanager) are up',
  803: 'the driver was updated while it was loaded: restart the machine',
  804: 'this GPU cannot use the installed compatibility library: remove it, or update the driver',
  999: 'see with nvidia-smi whether the driver works; restart the machine if it does not',
}

/** A call of the NVIDIA driver failed. `mendable` where a user can do something about it. */
export class DriverError extends Error {
  override name = 'DriverError'
  readonly mendable: boolean

  /**
   * @param code the CUresult
   * @param result its name, 'CUDA_ERROR_OUT_OF_MEMORY'
   * @param call the driver's function
   * @param kernel what was launched, or what ran before where the driver tells it late
   */
  constructor(
    readonly code: number,
    readonly result: string,
    readonly call: string,
    readonly kernel?: string,
  ) {
    const remedy = remedies[code]
    const where = kernel === undefined ? call : `${call}, ${kernel}`
    super(`${result} (${code}) from ${where}${remedy === undefined ? '' : `: ${remedy}`}`)
    this.mendable = remedy !== undefined
  }
}

/** What to do about a CUresult, where a user can do something. */
export const remedyFor = (code: number): string | undefined => remedies[code]
