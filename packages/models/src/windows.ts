import type { ActivationShape, LayerPlace } from './layer-type'

/**
 * The shape that square windows without padding make of an image [height, width, channels]; a rest that fills no window is left out.
 *
 * @param place.options size of the windows, and how far apart they are: side by side unless given
 */
export const windowsOf = (place: LayerPlace<{ readonly size: number; readonly stride?: number }>): ActivationShape => {
  const { options, input, refuse } = place
  const { size, stride = size } = options
  const [height = 0, width = 0, channels = 0] = input
  const shown = `[${input.join(', ')}]`
  if (input.length !== 3) return refuse(`takes [height, width, channels], the layer before it makes ${shown}`)
  if (height < size || width < size)
    return refuse(`has windows of [${size}, ${size}], the layer before it makes only ${shown}`)
  const side = (length: number) => Math.floor((length - size) / stride) + 1
  return [side(height), side(width), channels]
}
