import { catalogue, catalogueNames, type CatalogueName } from './catalogue'

/** Everything that can be chosen as a data set by its name. */
export type DatasetName = 'auto' | CatalogueName | 'strokes'

/** A data set to choose, for a command's help, a page's list and a schema. */
export interface DatasetChoice {
  readonly name: DatasetName
  /** 'Fashion-MNIST' */
  readonly title: string
  /** Where a page gets it: 'anywhere' from a mirror, 'beside it' only from the server of the page, 'drawn' without any file. */
  readonly onPage: 'anywhere' | 'beside it' | 'drawn'
}

/** All data sets that have a name, in the order in which they are offered. */
export const datasetChoices: readonly DatasetChoice[] = [
  { name: 'auto', title: 'MNIST (drawn digits if unavailable)', onPage: 'anywhere' },
  ...catalogueNames.map((name) => ({
    name,
    title: catalogue[name].title,
    onPage: catalogue[name].browserMirrors.length > 0 ? ('anywhere' as const) : ('beside it' as const),
  })),
  { name: 'strokes', title: 'strokes', onPage: 'drawn' },
]

/** The names of {@link datasetChoices}. */
export const datasetNames: readonly DatasetName[] = datasetChoices.map(({ name }) => name)
