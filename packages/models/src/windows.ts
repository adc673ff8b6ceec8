import type { ActivationShape } from './layer-type'

/** One number for height and width, or both. */
export type Sides = number | readonly [height: number, width: number]

/** Height and width. */
export const bothSides = (sides: Sides): readonly [height: number, width: number] =>
  typeof sides === 'number' ? [sides, sides] : sides

/** Windows over an image. */
interface Windows {
  readonly size: Sides
  /** How far apart they are: side by side by default. */
  readonly stride?: Sides | undefined
  readonly padding?: Sides | undefined
}

/**
 * Height and width of what windows make of an image [height, width, channels]; a rest that fills no window is left out.
 *
 * @param what for an error: what the layer has
 */
export const windowsOver = (
  { input, refuse }: { readonly input: ActivationShape; readonly refuse: (sentence: string) => never },
  { size, stride = size, padding = 0 }: Windows,
  what: string,
): readonly [height: number, width: number] => {
  const [height = 0, width = 0] = input
  const shown = `[${input.join(', ')}]`
  if (input.length !== 3) return refuse(`takes [height, width, channels], the layer before it makes ${shown}`)
  const [[tall, wide], [down, right], [top, left]] = [bothSides(size), bothSides(stride), bothSides(padding)]
  const side = (length: number, window: number, step: number, around: number) =>
    Math.floor((length + 2 * around - window) / step) + 1
  const [rows, columns] = [side(height, tall, down, top), side(width, wide, right, left)]
  if (rows < 1 || columns < 1)
    return refuse(`has ${what} of [${tall}, ${wide}], the layer before it makes only ${shown}`)
  return [rows, columns]
}
