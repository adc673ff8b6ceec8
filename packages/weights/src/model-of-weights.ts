import {
  checkStateDict,
  defineModel,
  ModelError,
  modelNames,
  resolveModel,
  type Fit,
  type Model,
  type ModelDefinition,
  type ShapedLayer,
  type StateDict,
} from '@digitlab/models'
import { countEntry, type WeightsContents } from './contents'
import type { Normalization } from './normalization'
import { quoted } from './shown'
import { WeightsError } from './weights-error'

/** What else a file can say about its weights. */
export interface MetadataContents {
  /** The id of the experiment that they come from. */
  readonly experiment?: string | undefined
  /** How the images that they were trained on were normalized. */
  readonly normalize?: Normalization | undefined
}

/** What goes into a file beside the weights: the model's definition as JSON, what else is known of them, the version of this form. */
export const weightsMetadata = (
  definition: ModelDefinition,
  { experiment, normalize }: MetadataContents = {},
): Record<string, string> => ({
  format: 'pt',
  version: '1',
  model: JSON.stringify(definition),
  ...(experiment === undefined ? {} : { experiment }),
  ...(normalize === undefined ? {} : { normalize: JSON.stringify({ mean: normalize.mean, std: normalize.std }) }),
})

/** Weights and the model they belong to. */
export interface FoundModel {
  readonly model: Model
  /** By the model's names and in its order. */
  readonly weights: StateDict
  /** What was chosen or skipped on the way, a sentence each. */
  readonly notes: readonly string[]
}

/** Which model the weights are for. */
export interface FindModelOptions {
  /** A name in the catalogue or a definition. */
  readonly model?: string | ModelDefinition | undefined
  /** The file's name in error messages. */
  readonly name?: string
}

/** What a model is looked for by. */
type Held = Pick<WeightsContents, 'weights' | 'metadata'> & Partial<Pick<WeightsContents, 'integers' | 'graph'>>

/**
 * The model that a file's weights belong to: the one given, the one that the file's metadata define, the one of the
 * catalogue that has exactly these entries, or the one that its graph describes. A graph is never skipped: where it
 * computes anything else than the model, that is refused.
 *
 * A prefix that all entries share (`module.`, of PyTorch's DataParallel) is taken off where the model has none. Integers that
 * the model has no entry for are skipped.
 *
 * @throws ModelError if an entry is missing, extra or of another shape; WeightsError if no model is known, or the
 * file's graph is another one
 */
export const findModel = (held: Held, { model: given, name = 'the file' }: FindModelOptions = {}): FoundModel => {
  const own = definitionIn(held.metadata)
  if (held.graph) return ofGraph(held, held.graph, given ?? own, name)
  const stated = given ?? own
  const found = stated === undefined ? undefined : fitted(stated, held)
  if (stated !== undefined) return found ?? refused(model(stated, held), held)
  for (const known of modelNames) {
    const of = fitted(known, held)
    if (of) return of
  }
  throw new WeightsError(
    `${name} does not say what model its weights are of, and they are of none of ${modelNames.join(', ')}: give the model's definition`,
  )
}

/** A model by its name, with as many classes as the weights of its last layer tell apart. */
const model = (given: string | ModelDefinition, { weights }: Held): Model => {
  const usual = resolveModel(given)
  const last = usual.parameters.at(-1)?.name ?? ''
  const [, entry] = [...weights].find(([name]) => name === last || name.endsWith(`.${last}`)) ?? []
  return resolveModel(given, { input: usual.definition.input, classes: Math.max(1, entry?.shape[0] ?? usual.classes) })
}

/** Integers that the model counts in, taken for entries of its state dict, behind a prefix as well. */
const withCounts = (of: Model, held: Held): Held => {
  const counted = of.entries.filter(({ dtype }) => dtype === 'int64').map(({ name }) => name)
  const weights = new Map(held.weights)
  const integers = new Map(held.integers ?? [])
  for (const [name, entry] of integers) {
    const count = counted.some((each) => name === each || name.endsWith(`.${each}`)) ? countEntry(entry) : undefined
    if (!count) continue
    weights.set(name, count)
    integers.delete(name)
  }
  return { ...held, weights, integers }
}

/** The weights as those of a model, or undefined where they are not. */
const fitted = (given: string | ModelDefinition, file: Held): FoundModel | undefined => {
  const of = model(given, file)
  const held = withCounts(of, file)
  const names = of.entries.map(({ name }) => name)
  const found = withoutPrefix(held.weights, names)
  if (!found || !fits(of, found.weights)) return undefined
  const notes = [...found.notes]
  const passed = [...(held.integers ?? [])].map(([entry]) => entry)
  const wanted = passed.find((entry) => names.includes(entry))
  if (wanted !== undefined) return undefined
  if (passed.length > 0) notes.push(`skipped because they are integers: ${passed.slice(0, 8).map(quoted).join(', ')}`)
  return { model: of, weights: found.weights, notes }
}

/**
 * Weights by the names that are wanted and in that order, where they have these or all of them behind one prefix
 * (`module.`, of PyTorch's DataParallel).
 *
 * @returns undefined if they have others; in `notes`, what was taken off
 */
export const withoutPrefix = (
  weights: StateDict,
  wanted: readonly string[],
): { readonly weights: StateDict; readonly notes: readonly string[] } | undefined => {
  const prefix = sharedPrefix([...weights.keys()], wanted)
  if (prefix === undefined) return undefined
  return {
    weights: new Map(
      wanted.flatMap((name) => {
        const entry = weights.get(prefix + name)
        return entry ? [[name, entry] as const] : []
      }),
    ),
    notes: prefix === '' ? [] : [`all its entries begin with ${quoted(prefix)}, which was taken off`],
  }
}

/** What all of `names` have before one of `wanted`: '' where they are the same, undefined if they are others. */
const sharedPrefix = (names: readonly string[], wanted: readonly string[]): string | undefined => {
  const [first = ''] = wanted
  const known = new Set(wanted)
  if (names.length !== wanted.length) return undefined
  const prefixes = names.filter((name) => name === first || name.endsWith(`.${first}`))
  return prefixes
    .map((name) => name.slice(0, name.length - first.length))
    .find((prefix) => names.every((name) => name.startsWith(prefix) && known.has(name.slice(prefix.length))))
}

/** Says what is wrong with weights that are not a model's. */
const refused = (of: Model, held: Held): never => {
  const { weights, integers } = withCounts(of, held)
  for (const { name } of of.entries) {
    const entry = integers?.get(name)
    if (entry) throw new ModelError(`${quoted(name)} of the model "${of.name}" is of integers, expected floats`)
  }
  checkStateDict(of, weights)
  throw new Error(`the weights are those of the model "${of.name}", and were taken for others`)
}

const fits = (of: Model, weights: StateDict): boolean => {
  try {
    checkStateDict(of, weights)
    return true
  } catch (error) {
    if (error instanceof ModelError) return false
    throw error
  }
}

/** Characters; one of a thousand layers has a tenth of it. */
const longestDefinition = 2 ** 20

/** What weightsMetadata wrote; whatever else a file keeps under that name is another program's. */
export const definitionIn = (metadata: ReadonlyMap<string, string>): ModelDefinition | undefined => {
  const json = metadata.get('model') ?? ''
  if (json.length > longestDefinition) return undefined
  try {
    const held: unknown = JSON.parse(json)
    if (typeof held !== 'object' || held === null || !('layers' in held) || !('input' in held)) return undefined
    return defineModel(held as ModelDefinition).definition
  } catch {
    return undefined
  }
}

/** A graph and the model that it is to be of. */
const ofGraph = (
  { weights: given, integers }: Held,
  drawn: Model,
  stated: string | ModelDefinition | undefined,
  name: string,
): FoundModel => {
  // A graph, which is for use, does not hold how many batches were seen in training.
  const weights: StateDict = new Map(given)
  for (const { name, shape, dtype } of drawn.entries)
    if (dtype && !weights.has(name)) weights.set(name, { shape, data: new Float32Array(1), dtype })
  const held: Held = { weights, metadata: new Map(), ...(integers ? { integers } : {}) }
  const fit = { input: drawn.definition.input, classes: drawn.classes }
  if (stated === undefined) {
    const known = modelNames
      .map((each) => madeToFit(each, fit))
      .find((of) => of !== undefined && difference(drawn, of) === undefined)
    const sameNames = known?.entries.every(({ name }, i) => name === drawn.entries[i]?.name)
    const of = known && sameNames ? known : drawn
    checkStateDict(of, weights)
    return { model: of, weights: renamed(drawn, of, held), notes: [] }
  }
  const of = resolveModel(stated, fit)
  const differs = difference(drawn, of)
  if (differs !== undefined)
    throw new WeightsError(
      `the graph of ${name} is not the model "${of.name}": ${differs}; leave the model out to take it as it is`,
    )
  return { model: of, weights: renamed(drawn, of, held), notes: [] }
}

/** A model of the catalogue; undefined if images of this form are too small for it. */
const madeToFit = (name: string, fit: Fit): Model | undefined => {
  try {
    return resolveModel(name, fit)
  } catch (error) {
    if (error instanceof ModelError) return undefined
    throw error
  }
}

/** The weights of one model by the names of another that has the same layers. */
const renamed = (from: Model, to: Model, { weights }: Held): StateDict =>
  new Map(
    to.entries.flatMap(({ name }, i) => {
      const entry = weights.get(from.entries[i]?.name ?? '')
      return entry ? [[name, entry] as const] : []
    }),
  )

/** Where two models part, names aside; undefined if they compute the same. */
const difference = (graph: Model, of: Model): string | undefined => {
  const [ours, theirs] = [of.definition.input, graph.definition.input]
  if (ours.join() !== theirs.join()) return `it takes [${theirs.join(', ')}], the model [${ours.join(', ')}]`
  const length = Math.max(graph.layers.length, of.layers.length)
  for (let i = 0; i < length; i++) {
    const [found, expected] = [shownLayer(graph.layers[i]), shownLayer(of.layers[i])]
    if (found !== expected) return `its layer ${i + 1} is ${found}, the model's ${expected}`
  }
  return undefined
}

/** A layer with its options, but for its name, what is checked against the layer before, and what it is anyway. */
const shownLayer = (layer: ShapedLayer | undefined): string => {
  if (!layer) return 'none'
  const options = Object.entries(layer.options).filter(
    ([key, value]) =>
      !['name', 'in'].includes(key) && value !== undefined && value !== layer.type.options[key]?.default,
  )
  return [layer.type.type, ...options.map(([key, value]) => `${key} ${JSON.stringify(value)}`)].join(', ')
}
