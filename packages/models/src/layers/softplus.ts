import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'

/** log(1 + exp(x)), as `nn.Softplus`. */
export const softplus = defineLayer({
  type: 'softplus',
  options: {},
  ...elementwise('softplus'),
  onnx: { write: () => [{ op: 'Softplus', inputs: ['x'] }] },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'softplus' } }] },
})
