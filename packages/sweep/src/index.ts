export { type Axis, type Draw, type Json, type Range } from './axis'
export { parseCondition, type Condition, type Row, type Value } from './condition'
export {
  expandPlan,
  flatFields,
  planDifferences,
  withShortNames,
  type Settings,
  type SweepPlan,
  type When,
} from './expand'
export {
  bestGroup,
  csvOf,
  fieldsOf,
  groupRows,
  namesOf,
  resolveName,
  rowDifferences,
  runRow,
  sortRows,
  varyingSettings,
  type BestGroup,
  type RunGroup,
  type RunLike,
  type RunRow,
} from './rows'
export { spreadOf, type Spread } from './spread'
export { SweepError } from './sweep-error'
