// What a kernel does with a call that does not fit: nothing is read or written outside its tensors, whatever a caller passes.
import { engine, getBackend, tensor, type NamedAttrMap, type Tensor } from '@tensorflow/tfjs-core'
import { calls, filled, type Attributes, type Given } from './conformance-calls'
import type { KernelName } from './contracts'
import { isInstalled } from './define-kernel'

/** Inputs changed in one place each: a size more or less, an axis more or less, another type, one left out. */
const changed = (inputs: Given): Given[] =>
  Object.entries(inputs).flatMap(([name, { shape, dtype }]) => {
    const shapes = [
      ...shape.flatMap((_, axis) => [-1, 1].map((by) => shape.map((size, i) => (i === axis ? size + by : size)))),
      ...[[...shape, 1], [1, ...shape], shape.slice(1), shape.slice(0, -1)],
    ]
    return [
      ...shapes.map((shape) => ({ ...inputs, [name]: { shape, dtype } })),
      { ...inputs, [name]: { shape, dtype: dtype === 'int32' ? ('float32' as const) : ('int32' as const) } },
      Object.fromEntries(Object.entries(inputs).filter(([other]) => other !== name)),
    ]
  })
const mendable = new Set(['OpsError', 'BackendError', 'RangeError', 'Error'])

/** Makes a call between tensors of NaN: what it makes is a number and they stay as they are, or it is refused in words. */
const attempt = async (name: KernelName, inputs: Given, attributes: Attributes): Promise<boolean> => {
  const guard = () => tensor(new Float32Array(64).fill(NaN), [64])
  const what = `${name} of ${JSON.stringify(inputs)} with ${JSON.stringify(attributes)}`
  const guards = [guard()]
  const given: Record<string, Tensor> = {}
  for (const [input, of] of Object.entries(inputs)) {
    given[input] = filled(of)
    guards.push(guard())
  }
  const made: Tensor[] = []
  try {
    const outputs: Tensor | Tensor[] = engine().runKernel(name, given, { ...attributes } as NamedAttrMap)
    made.push(...(Array.isArray(outputs) ? outputs : [outputs]))
    for (const output of made) {
      const values = await output.data()
      if (values.some((value) => !Number.isFinite(value)))
        throw new TypeError(`${what} made [${values.slice(0, 8).join(', ')}]: it read what is not its own`)
    }
    return true
  } catch (error) {
    if (error instanceof Error && mendable.has(error.name)) return false
    throw new Error(`${what} was not refused in words`, { cause: error })
  } finally {
    for (const [i, one] of guards.entries())
      if ((await one.data()).some((value) => !Number.isNaN(value)))
        throw new Error(`${what} wrote to its neighbour ${i}`) // eslint-disable-line no-unsafe-finally
    for (const one of [...guards, ...Object.values(given), ...made]) one.dispose()
  }
}

/** Every kernel of a contract that the current backend has, called with what does not fit. */
export const refusals = (): { readonly name: string; readonly run: () => Promise<void> }[] =>
  calls().map(({ name, inputs, attributes, tried }) => ({
    name: `${name} of what does not fit`,
    run: async () => {
      if (!isInstalled(name, getBackend())) return
      if (!(await attempt(name, inputs, attributes))) throw new Error(`${name} was refused where it fits`)
      let refused = 0
      for (const other of changed(inputs)) refused += Number(!(await attempt(name, other, attributes)))
      for (const [attribute, values] of Object.entries(tried) as [string, unknown[]][])
        for (const value of values)
          refused += Number(!(await attempt(name, inputs, { ...attributes, [attribute]: value })))
      if (refused < 3) throw new Error(`${name} took all but ${refused} calls that do not fit`)
    },
  }))
