// A model of one's own, as JSON: what it says, or what is wrong with it and where.
import { defineModel, ModelError, type Model, type ModelDefinition, type ModelPath } from '@digitlab/models'
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser'
import { sentenceOf } from './lab/failure'

interface ModelFault {
  readonly sentence: string
  /** Counted from 1. */
  readonly line: number
  /** Where in the text, counted from 0. */
  readonly offset: number
}

type ReadModel =
  // what it says
  | { readonly model: Model; readonly fault?: undefined }
  // or where it says none
  | { readonly model?: undefined; readonly fault: ModelFault }

/** What the parser misses or refuses, in words. */
const wanted: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is no value: text stands in double quotes',
  InvalidNumberFormat: 'this is no number',
  PropertyNameExpected: 'a name in double quotes is missing here, or the comma before it is one too many',
  ValueExpected: 'a value is missing here, or the comma before it is one too many',
  ColonExpected: 'a colon is missing between a name and its value',
  CommaExpected: 'a comma is missing before this',
  CloseBraceExpected: 'a closing } is missing',
  CloseBracketExpected: 'a closing ] is missing',
  EndOfFileExpected: 'the model ends before this: take the rest out',
  InvalidCommentToken: 'JSON has no comments: take this out',
  UnexpectedEndOfString: 'the closing " of a text is missing',
}

const faultAt = (text: string, offset: number, sentence: string): ModelFault => ({
  ...{ sentence: sentenceOf(sentence), offset },
  line: text.slice(0, offset).split('\n').length,
})

/** The innermost part of the text on a path; what is missing is told where it should be. */
const nodeOn = (tree: Node, path: ModelPath): Node => {
  for (let length = path.length; length > 0; length--) {
    const found = findNodeAtLocation(tree, [...path.slice(0, length)])
    if (found) return found
  }
  return tree
}

/** Reads a definition as the command reads it from a file. */
export const readModelText = (text: string): ReadModel => {
  if (text.trim() === '')
    return { fault: faultAt(text, 0, 'there is no model yet: type one, or choose one above to begin with') }
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [error] = errors
  if (!tree || error) {
    const place = error?.offset ?? 0
    const behind = /\S\s*$/.exec(text.slice(0, place))?.index ?? 0
    // What is missing is missing behind what comes before.
    const at = place >= text.trimEnd().length ? behind : place
    return { fault: faultAt(text, at, (error && wanted[printParseErrorCode(error.error)]) ?? 'this is no JSON') }
  }
  try {
    return { model: defineModel(JSON.parse(text) as ModelDefinition) }
  } catch (error) {
    const path = error instanceof ModelError ? error.path : undefined
    return { fault: faultAt(text, nodeOn(tree, path ?? []).offset, (error as Error).message) }
  }
}

/** A definition to be read and changed: a layer a line. */
export const modelText = (definition: ModelDefinition): string => {
  const spaced = (value: unknown): string =>
    Array.isArray(value)
      ? `[${value.map(spaced).join(', ')}]`
      : typeof value === 'object' && value !== null
        ? `{ ${Object.entries(value)
            .map(([key, held]) => `${JSON.stringify(key)}: ${spaced(held)}`)
            .join(', ')} }`
        : JSON.stringify(value)
  const fields = Object.entries(definition).map(([key, value]) => {
    if (key !== 'layers') return `  ${JSON.stringify(key)}: ${spaced(value)}`
    const lines = (value as readonly unknown[]).map((layer) => `    ${spaced(layer)}`)
    return `  "layers": [\n${lines.join(',\n')}\n  ]`
  })
  return `{\n${fields.join(',\n')}\n}\n`
}

/** The text of a definition that came as JSON: a layer a line, also where something is wrong with it; what is no definition as it is. */
export const readableModel = (json: string): string => {
  if (readModelText(json).model === undefined && json.includes('\n')) return json
  try {
    const read = JSON.parse(json) as Partial<ModelDefinition> | null
    return read !== null && Array.isArray(read.layers) ? modelText(read as ModelDefinition) : json
  } catch {
    return json
  }
}

/** An address may be so long that programs for mail and chat keep it whole. */
const longestInAddress = 4000

/** A model as an address carries it; undefined where it is too long for one. */
export const modelInAddress = (text: string): string | undefined => {
  const { model } = readModelText(text)
  const short = model ? JSON.stringify(model.definition) : text.trim()
  return encodeURIComponent(short).length <= longestInAddress ? short : undefined
}

/** What an address says in place of a model that is too long for it. */
export const tooLong = 'own'
