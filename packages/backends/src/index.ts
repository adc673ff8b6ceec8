export { activate } from './activate'
export {
  BackendError,
  type Backend,
  type BackendErrorCode,
  type BackendId,
  type BackendInfo,
  type DeviceWatch,
  type Probe,
  type Recording,
  type StepVariables,
} from './backend'
export { backendChoices, backendsOf, type BackendOf, type KnownBackend } from './backend-choices'
export { probeBackends, selectBackend, type UnavailableBackend, type Selection } from './select'
export { holdBackend, useBackend } from './use-backend'
