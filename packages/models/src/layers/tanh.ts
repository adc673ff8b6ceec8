import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'

/** tanh(x), as `nn.Tanh`. */
export const tanh = defineLayer({
  type: 'tanh',
  options: {},
  ...elementwise('tanh'),
  onnx: { write: () => [{ op: 'Tanh', inputs: ['x'] }] },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'tanh' } }] },
})
