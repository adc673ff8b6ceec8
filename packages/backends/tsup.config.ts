import { library } from '../../tooling/tsup/library'

export default library(['src/index.ts', 'src/node.ts', 'src/webgl.ts', 'src/webgpu.ts'])
