import { library } from '../../tooling/tsup/library'

export default library(['src/index.ts', 'src/node.ts', 'src/numpy.ts', 'src/web.ts'])
