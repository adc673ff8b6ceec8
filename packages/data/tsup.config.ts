import { library } from '../../tooling/tsup/library'

export default library([
  'src/index.ts',
  'src/csv.ts',
  'src/node.ts',
  'src/numpy.ts',
  'src/parquet.ts',
  'src/safetensors.ts',
  'src/web.ts',
])
