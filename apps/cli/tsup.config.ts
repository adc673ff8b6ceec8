import { library } from '../../tooling/tsup/library'

export default library(['src/main.ts', 'src/image-worker.ts'], { format: ['esm'], dts: false })
