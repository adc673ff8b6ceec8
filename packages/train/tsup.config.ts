import { library } from '../../tooling/tsup/library'

export default library(['src/index.ts', 'src/experiment.ts', 'src/run.ts', 'src/images.ts'])
