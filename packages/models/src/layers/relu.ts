import { defineLayer } from '../layer-type'

/** max(x, 0), as `nn.ReLU`; it passes no gradient at 0. */
export const relu = defineLayer({
  type: 'relu',
  options: {},
  output: ({ input }) => input,
  forward({ ops }, { x }) {
    const y = ops.rectify(x)
    return { y, back: (dy) => ({ dx: ops.rectifyGrad(dy, y) }) }
  },
  float64(kit, { x }) {
    const y = kit.relu(x)
    return { y, back: (dy) => ({ dx: kit.reluGrad(dy, y) }) }
  },
  onnx: { write: () => [{ op: 'Relu', inputs: ['x'] }] },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'relu' } }] },
})
