import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'

/** x times the share of a normal distribution that is below x, as `nn.GELU`: exact, by the error function. */
export const gelu = defineLayer({
  type: 'gelu',
  options: {},
  ...elementwise('gelu'),
  onnx: {
    // As PyTorch exports it: ONNX has an operation of its own from opset 20 on.
    write: () => [
      { op: 'Div', inputs: ['x', Math.SQRT2], output: 'scaled' },
      { op: 'Erf', inputs: ['scaled'], output: 'erf' },
      { op: 'Add', inputs: ['erf', 1], output: 'shifted' },
      { op: 'Mul', inputs: ['x', 'shifted'], output: 'doubled' },
      { op: 'Mul', inputs: ['doubled', 0.5] },
    ],
  },
  keras: { write: (_, { own }) => [{ class_name: 'Activation', config: { name: own, activation: 'gelu' } }] },
})
