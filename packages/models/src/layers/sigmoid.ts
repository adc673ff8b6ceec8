import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'

/** 1 / (1 + exp(-x)), as `nn.Sigmoid`. */
export const sigmoid = defineLayer({
  type: 'sigmoid',
  options: {},
  ...elementwise('sigmoid'),
  onnx: { write: () => [{ op: 'Sigmoid', inputs: ['x'] }] },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'sigmoid' } }] },
})
