import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'

/** x / (1 + exp(-x)), as `nn.SiLU`. */
export const silu = defineLayer({
  type: 'silu',
  options: {},
  ...elementwise('silu'),
  onnx: {
    write: () => [
      { op: 'Sigmoid', inputs: ['x'], output: 'sigmoid' },
      { op: 'Mul', inputs: ['x', 'sigmoid'] },
    ],
  },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'swish' } }] },
})
