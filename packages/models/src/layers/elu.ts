import { elementwise } from '../elementwise'
import { defineLayer } from '../layer-type'
import { number } from '../options'

/** x where it is positive, else alpha (exp(x) - 1), as `nn.ELU`. */
export const elu = defineLayer({
  type: 'elu',
  options: { alpha: number({ default: 1, says: 'what it goes towards below 0, as -alpha' }) },
  ...elementwise('elu', ({ alpha }: { readonly alpha: number }) => alpha),
  onnx: { write: ({ options: { alpha } }) => [{ op: 'Elu', inputs: ['x'], attributes: { alpha: { float: alpha } } }] },
  keras: {
    write: ({ alpha }, { own }) =>
      alpha === 1 ? [{ class_name: 'ELU', config: { name: own, alpha } }] : 'with another alpha than 1',
  },
})
