import { BackendError, type Backend, type Probe } from './backend'

/** A backend that `auto` could not take, and why. */
export interface UnavailableBackend {
  readonly id: string
  readonly reason: string
  /** What would help. */
  readonly remedy: string
}

/** The chosen backend, the device that it found, and the unavailable backends before it. */
export interface Selection {
  readonly backend: Backend
  readonly device: string
  /** Those that were tried before it; empty if the backend was named. */
  readonly unavailable: readonly UnavailableBackend[]
}

/**
 * Chooses a backend: the one named, or with 'auto' the first usable one in the order given.
 *
 * @param backends in order of preference
 * @param wanted an id, or 'auto'
 * @throws BackendError if the named one is unknown or not usable (it never falls back), or if none is usable
 */
export const selectBackend = async (backends: readonly Backend[], wanted: string): Promise<Selection> => {
  if (wanted !== 'auto') {
    const backend = backends.find(({ id }) => id === wanted)
    if (!backend) {
      const known = backends.map(({ id }) => id).join(', ')
      throw new BackendError(`there is no backend "${wanted}": choose auto or one of ${known}`, {
        code: 'unknown-backend',
      })
    }
    const probe = await backend.probe()
    if (!probe.usable)
      throw new BackendError(`the backend "${wanted}" is not usable here: ${probe.reason}; ${probe.remedy}`)
    return { backend, device: probe.device, unavailable: [] }
  }
  const unavailable: UnavailableBackend[] = []
  for (const backend of backends) {
    const probe = await backend.probe()
    if (probe.usable) return { backend, device: probe.device, unavailable }
    unavailable.push({ id: backend.id, reason: probe.reason, remedy: probe.remedy })
  }
  const why = unavailable.map(({ id, reason, remedy }) => `${id}: ${reason}; ${remedy}`).join('. ')
  throw new BackendError(`no backend is usable here. ${why}`)
}

/** Probes every backend, in the order given. */
export const probeBackends = async (
  backends: readonly Backend[],
): Promise<readonly { readonly id: string; readonly probe: Probe }[]> =>
  Promise.all(backends.map(async (backend) => ({ id: backend.id, probe: await backend.probe() })))
