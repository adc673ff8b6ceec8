import { library } from '../../tooling/tsup/library'

export default library(['src/index.ts', 'src/backend.ts', 'src/conformance.ts'])
