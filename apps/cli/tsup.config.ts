import { library } from '../../tooling/tsup/library'

export default library(['src/main.ts'], { format: ['esm'], dts: false })
