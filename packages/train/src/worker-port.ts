/** worker_threads' parentPort, or the global scope of a Web Worker. */
interface WorkerPort {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void
}

/** The way to the thread that started this one. */
export const workerPort = (): WorkerPort => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const threads = process?.getBuiltinModule?.('node:worker_threads') as { parentPort?: WorkerPort | null } | undefined
  return threads?.parentPort ?? (globalThis as unknown as WorkerPort)
}
