import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'
import { number } from '../options'

/** x where it is positive, else x times a slope, as `nn.LeakyReLU`. */
export const leakyRelu = defineLayer({
  type: 'leakyRelu',
  options: { slope: number({ default: 0.01, says: 'below 0' }) },
  ...elementwise('leakyRelu', ({ slope }: { readonly slope: number }) => slope),
  onnx: {
    write: ({ options: { slope } }) => [{ op: 'LeakyRelu', inputs: ['x'], attributes: { alpha: { float: slope } } }],
  },
  keras: { write: ({ slope }, { own }) => [{ class_name: 'LeakyReLU', config: { name: own, alpha: slope } }] },
})
