// The graph of an ONNX file: its nodes, its constants, what it takes and gives.
import { field } from './onnx-fields'
import { float, int64, Message, type Reading } from './onnx-message'
import { OnnxTensor, type ReadExternal } from './onnx-tensor'
import { quoted } from './shown'

/** One operation. */
export interface OnnxNode {
  readonly op: string
  /** '' for the operations of ONNX itself. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** As an error names it: 'node "fc1" (Gemm)'. */
  readonly shown: string
  readonly attributes: ReadonlyMap<string, Message>
}

/** What the graph takes: its name, the type of its elements, its sizes; undefined if the file leaves one open. */
export interface OnnxInput {
  readonly name: string
  readonly elementType: number
  readonly sizes: readonly (number | undefined)[]
}

/** A constant, or a view of one with its two axes exchanged. */
export interface OnnxConstant {
  readonly name: string
  readonly shape: readonly number[]
  readonly isFloat: boolean
  readonly transposed: boolean
  readonly values: OnnxTensor['values']
}

const known = new Set(['', 'ai.onnx'])

/** A graph of which only the structure has been read. */
export class OnnxGraph {
  readonly name: string
  readonly inputs: readonly OnnxInput[]
  readonly outputs: readonly string[]
  /** The node that makes a value, by the value's name. */
  readonly makers: Map<string, OnnxNode> = new Map()
  /** The nodes that take a value, by the value's name, each once. */
  readonly takers: Map<string, OnnxNode[]> = new Map()
  /** The nodes as their bytes, in the order of the file. */
  readonly nodes: readonly Uint8Array[]
  readonly #initializers = new Map<string, OnnxTensor>()
  readonly #inputNames: ReadonlySet<string>

  constructor(
    bytes: Uint8Array,
    readonly reading: Reading,
    private readonly external: ReadExternal | undefined,
  ) {
    const { fail, unsupported } = reading
    const graph = new Message(bytes, field.graph, reading)
    this.name = graph.text(field.graph.name)
    if (graph.has(field.graph.sparse)) unsupported('its graph has sparse initializers, which are not read')
    for (const initializer of graph.all(field.graph.initializer)) {
      const tensor = new OnnxTensor(initializer, reading, external)
      if (this.#initializers.has(tensor.name)) fail(`the name ${quoted(tensor.name)} is there twice, expected once`)
      this.#initializers.set(tensor.name, tensor)
    }
    this.inputs = graph
      .all(field.graph.input)
      .map((value) => inputOf(value, reading))
      .filter(({ name }) => !this.#initializers.has(name)) // files of before 2019 list their constants as inputs
    this.#inputNames = new Set(this.inputs.map(({ name }) => name))
    this.outputs = graph
      .all(field.graph.output)
      .map((value) => new Message(value, field.value, reading).text(field.value.name))
    this.nodes = graph.all(field.graph.node)
    for (const each of this.nodes) this.#add(nodeOf(each, reading))
  }

  #add(node: OnnxNode) {
    const { fail, unsupported } = this.reading
    if (!known.has(node.domain)) unsupported(`its ${node.shown} is of ${quoted(node.domain)}, not of ONNX itself`)
    for (const output of node.outputs) {
      if (output === '') continue
      if (this.makers.has(output) || this.#initializers.has(output) || this.#inputNames.has(output))
        fail(`its ${node.shown} gives ${quoted(output)}, which is there already`)
      this.makers.set(output, node)
    }
    for (const input of new Set(node.inputs)) {
      if (input === '') continue
      const takers = this.takers.get(input)
      if (takers) takers.push(node)
      else this.takers.set(input, [node])
    }
  }

  /** A value that no input changes: an initializer or a Constant, by way of Identity, Cast between floats, Transpose. */
  constant(name: string | undefined): OnnxConstant | undefined {
    if (name === undefined || name === '') return undefined
    let [at, transposed] = [name, false]
    for (let steps = 0; steps < 64; steps++) {
      const held = this.#initializers.get(at)
      if (held) return this.#constantOf(at, held, transposed)
      const node = this.makers.get(at)
      if (node?.op === 'Constant') {
        const value = node.attributes.get('value')?.last(field.attribute.t)
        if (value) return this.#constantOf(at, new OnnxTensor(value, this.reading, this.external), transposed)
        return transposed ? undefined : this.#shortConstant(at, node)
      }
      const next = node?.inputs[0]
      if (!node || next === undefined) return undefined
      if (node.op === 'Transpose') {
        const order = this.ints(node, 'perm')
        if (order !== undefined && order.join() !== '1,0') return undefined
        transposed = !transposed
      } else if (node.op !== 'Identity' && node.op !== 'Cast') return undefined
      at = next
    }
    return undefined
  }

  /** A Constant that holds a number or a list of some. */
  #shortConstant(name: string, node: OnnxNode): OnnxConstant | undefined {
    const [float, floats] = [this.float(node, 'value_float'), this.floats(node, 'value_floats')]
    const [int, ints] = [this.int(node, 'value_int'), this.ints(node, 'value_ints')]
    const [one, isFloat] = [float ?? int, float !== undefined || floats !== undefined]
    const held = one === undefined ? (floats ?? ints) : [one]
    if (!held) return undefined
    const values = isFloat ? Float32Array.from(held) : Int32Array.from(held)
    return { name, shape: one === undefined ? [held.length] : [], isFloat, transposed: false, values: () => values }
  }

  #constantOf(name: string, tensor: OnnxTensor, transposed: boolean): OnnxConstant {
    const shape = transposed ? [...tensor.shape].reverse() : tensor.shape
    return { name, shape, isFloat: tensor.isFloat, transposed, values: () => tensor.values() }
  }

  int(node: OnnxNode, name: string): number | undefined {
    return node.attributes.get(name)?.number(field.attribute.i)
  }

  float(node: OnnxNode, name: string): number | undefined {
    return node.attributes.get(name)?.number(field.attribute.f)
  }

  ints(node: OnnxNode, name: string): number[] | undefined {
    return node.attributes.get(name)?.numbers(field.attribute.ints, int64)
  }

  floats(node: OnnxNode, name: string): number[] | undefined {
    return node.attributes.get(name)?.numbers(field.attribute.floats, float)
  }

  string(node: OnnxNode, name: string): string | undefined {
    return node.attributes.get(name)?.text(field.attribute.s)
  }
}

const nodeOf = (bytes: Uint8Array, reading: Reading): OnnxNode => {
  const node = new Message(bytes, field.node, reading)
  const [op, name] = [node.text(field.node.opType), node.text(field.node.name)]
  const outputs = node.texts(field.node.output)
  const attributes = node.all(field.node.attribute).map((each) => {
    const attribute = new Message(each, field.attribute, reading)
    return [attribute.text(field.attribute.name), attribute] as const
  })
  return {
    op,
    domain: node.text(field.node.domain),
    inputs: node.texts(field.node.input),
    outputs,
    shown:
      name === ''
        ? `node of ${quoted(outputs[0] ?? '')} (${quoted(op).slice(1, -1)})`
        : `node ${quoted(name)} (${quoted(op).slice(1, -1)})`,
    attributes: new Map(attributes),
  }
}

const inputOf = (bytes: Uint8Array, reading: Reading): OnnxInput => {
  const inner = (message: Message, number: number, fields: Readonly<Record<string, number>>) =>
    new Message(message.last(number) ?? new Uint8Array(0), fields, reading)
  const value = new Message(bytes, field.value, reading)
  const tensor = inner(inner(value, field.value.type, field.value), field.value.tensorType, field.value)
  const shape = inner(tensor, field.value.shape, field.value)
  return {
    name: value.text(field.value.name),
    elementType: tensor.number(field.value.elementType) ?? 0,
    sizes: shape
      .all(field.value.dimension)
      .slice(0, 64)
      .map((dimension) => new Message(dimension, field.value, reading).number(field.value.size)),
  }
}
