import { library } from '../../tooling/tsup/library'

// The kernels are read from a file beside the build: the CommonJS build needs its own way to say where it is.
export default library(['src/index.ts'], { shims: true })
