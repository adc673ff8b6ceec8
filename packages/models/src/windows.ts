import type { ActivationShape, LayerPlace } from './layer-type'

/** The shape that windows of a side, without padding or overlap, make of an image [height, width, channels]. */
export const windowsOf = ({ options: { size }, input, refuse }: LayerPlace<{ size: number }>): ActivationShape => {
  const [height = 0, width = 0, channels = 0] = input
  const shown = `[${input.join(', ')}]`
  if (input.length !== 3) return refuse(`takes [height, width, channels], the layer before it makes ${shown}`)
  if (height < size || width < size)
    return refuse(`has windows of [${size}, ${size}], the layer before it makes only ${shown}`)
  return [Math.floor(height / size), Math.floor(width / size), channels]
}
