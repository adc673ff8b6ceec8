// Both coordinates have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { defineAugmentation, type Warp } from '../augmentation-type'

/** A map about the image's centre, as torchvision's `affine` names its parts. */
export interface AffineMap {
  /** Degrees, clockwise. */
  readonly rotate: number
  /** Pixels to the right and down. */
  readonly shift: readonly [x: number, y: number]
  /** Above 1 enlarges. */
  readonly scale: number
  /** Degrees along x and y. */
  readonly shear: readonly [x: number, y: number]
}

const radians = (degrees: number) => (degrees * Math.PI) / 180

/**
 * Where each pixel comes from under a map: its inverse, as torchvision's `_get_inverse_affine_matrix` has it, about the centre
 * ((width - 1) / 2, (height - 1) / 2), which is that of `grid_sample(align_corners=False)`.
 *
 * @returns x' = a x + b y + c, y' = d x + e y + f as [a, b, c, d, e, f]
 */
export const inverseOf = (
  { rotate, shift: [tx, ty], scale, shear }: AffineMap,
  [height, width]: readonly [number, number],
): readonly [number, number, number, number, number, number] => {
  const [angle, sx, sy] = [radians(rotate), radians(shear[0]), radians(shear[1])]
  // Rounded to float32: engines differ in the last bit of a sine.
  const [cos, sin, cosY, tanX] = [Math.cos(angle - sy), Math.sin(angle - sy), Math.cos(sy), Math.tan(sx)].map(
    Math.fround,
  ) as [number, number, number, number]
  const [cosine, sine] = [Math.fround(Math.cos(angle)), Math.fround(Math.sin(angle))]
  const a = ((-sin * tanX) / cosY + cosine) / scale
  const b = ((cos * tanX) / cosY + sine) / scale
  const d = -sin / cosY / scale
  const e = cos / cosY / scale
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2]
  return [a, b, cx - a * (cx + tx) - b * (cy + ty), d, e, cy - d * (cx + tx) - e * (cy + ty)]
}

/** Shift, rotation, scale and shear in one map, each drawn evenly from its range, as torchvision's `RandomAffine`. */
export const affine = defineAugmentation({
  name: 'affine',
  says: 'shifted, rotated, scaled and sheared about the centre, by one map',
  options: {
    shift: number({ from: 0, default: 0, says: 'pixels along each axis, at most' }),
    rotate: number({ from: 0, to: 180, default: 0, says: 'degrees either way, at most' }),
    scale: number({ from: 0, below: 1, default: 0, says: 'by a factor from 1 - scale to 1 + scale' }),
    shear: number({ from: 0, below: 90, default: 0, says: 'degrees along each axis, at most' }),
  },
  example: { shift: 2, rotate: 10, scale: 0.1, shear: 5 },
  refuses: ({ shift }, [height, width]) =>
    shift < Math.max(height, width)
      ? undefined
      : `shifts by up to ${shift} pixels, the images are ${height} x ${width}: nothing of one would be left`,
  warp({ shift, rotate, scale, shear }, size): Warp {
    return (draws, { x, y }) => {
      const within = (most: number) => draws.uniform(-most, most)
      const [a, b, c, d, e, f] = inverseOf(
        {
          rotate: within(rotate),
          shift: [within(shift), within(shift)],
          scale: 1 + within(scale),
          shear: [within(shear), within(shear)],
        },
        size,
      )
      for (let i = 0; i < x.length; i++) {
        const column = x[i]!
        const row = y[i]!
        x[i] = a * column + b * row + c
        y[i] = d * column + e * row + f
      }
    }
  },
})
