// Indices run over shapes checked on entry: each `!` is in range.
import type { DrawnImages, FeatureMaps, FirstLayer } from '../drawn-run'
import { defaultWidth, element, figureOf, fitted, textAt, type Figure, type FigureOptions } from '../figure'
import { imageAt, inkImage, pictureOf, signColours, signedImage } from '../pixels'
import { ReportError } from '../report-error'
import { grouped } from '../number-text'
import { paletteOf, type Palette, type Theme } from '../theme'
import { shortNumber } from '../ticks'
import { tiles } from './tiles'

/** How a figure of the first layer looks, and what shape the images have. */
export interface FirstLayerOptions extends FigureOptions {
  /** [height, width] of the images, [height, width, 3] in colour. */
  readonly imageShape: readonly [height: number, width: number, channels?: 3]
  /** Names of the classes: titles if the layer has an output for each, as in softmax regression. */
  readonly classNames?: readonly string[]
}

/** As many units as are still to be told apart. */
const mostUnits = 100

/**
 * What the first layer looks for: the weights of each of its outputs as an image, one colour for positive and one for
 * negative, in one scale.
 *
 * @throws ReportError if the weights do not fit images of that shape
 */
export const firstLayerFigure = (layer: FirstLayer, options: FirstLayerOptions): Figure => {
  const { width = defaultWidth, theme = 'light', imageShape, classNames } = options
  const palette = paletteOf(theme)
  const { units, height, width: across, channels, filters } = sizesOf(layer, imageShape)
  const size = height * across * channels
  const shown = Math.min(units, mostUnits)
  let largest = 0
  for (let i = 0; i < shown * size; i++) largest = Math.max(largest, Math.abs(layer.data[i]!) || 0)
  const templates = !filters && units === classNames?.length
  const columns = Math.max(1, columnsOf(shown, width))
  const side = (width - (columns - 1) * 8) / columns
  const drawn = tiles(
    Array.from({ length: shown }, (_, unit) => ({
      // of several channels the first: a picture has one
      uri: signedImage(
        Array.from({ length: height * across }, (_, i) => layer.data[unit * size + i]!),
        height,
        across,
        largest,
      ),
      kind: 'colour' as const,
      captions: templates ? [fitted(classNames[unit]!, side, 11)] : shown > 32 ? [] : [String(unit + 1)],
    })),
    { width, columns, ratio: height / across, fontSize: 11, palette },
  )
  const scale = scaleBar(width, largest, palette)
  const what = templates
    ? 'templates, one for each class'
    : filters
      ? `filters of ${height} x ${across}`
      : 'hidden units'
  const part = shown < units ? `the first ${shown} of ${grouped(units)}` : grouped(units)
  return figureOf(
    {
      id: 'first-layer',
      title: `What the first layer looks for: ${part} ${what}`,
      alt: `The weights ${layer.name} as ${shown} images of ${height} by ${across}, from ${shortNumber(-largest)} to ${shortNumber(largest)}.`,
      content: scale + element('g', { transform: 'translate(0 34)' }, drawn.content),
      width,
      height: drawn.height + 34,
    },
    options,
  )
}

/** Rows of equal length where that can be: 16 as 8 + 8 or 4 x 4, 10 as 5 + 5. */
const columnsOf = (count: number, width: number): number => {
  const least = count > 32 ? 34 : 50
  const most = Math.max(1, Math.min(count, 10, Math.floor((width + 8) / (least + 8))))
  for (let columns = most; columns > most / 2; columns--) if (count % columns === 0) return columns
  return most
}

const sizesOf = ({ name, shape, data }: FirstLayer, [height, width, colours]: FirstLayerOptions['imageShape']) => {
  const depth = colours ?? 1
  const [units = 0, channels = 0, rows, across] = shape
  const filters = shape.length === 4
  const values = shape.reduce((product, size) => product * size, 1)
  const fits = filters ? channels >= 1 : shape.length === 2 && channels === height * width * depth
  if (!fits || values !== data.length || units < 1)
    throw new ReportError(
      `expected ${name} of shape [units, ${height * width * depth}] or [filters, channels, height, width], found [${shape.join(', ')}] with ${data.length} values: give the weights of the layer that sees the image`,
    )
  return filters
    ? { filters, units, channels, height: rows ?? 1, width: across ?? 1 }
    : { filters, units, channels: depth, height, width }
}

/** Which colour is which number. */
const scaleBar = (width: number, largest: number, { ink, faint }: Palette): string => {
  const [length, steps] = [Math.min(220, width * 0.5), 21]
  const left = (width - length) / 2
  const bars = Array.from({ length: steps }, (_, n) => {
    const value = (2 * n) / (steps - 1) - 1
    const colour = value >= 0 ? signColours.positive : signColours.negative
    return element('rect', {
      x: left + (n * length) / steps,
      y: 4,
      width: length / steps,
      height: 10,
      fill: `rgb(${colour.join(',')})`,
      'fill-opacity': Math.abs(value),
    })
  })
  const label = (x: number, text: string, anchor: string) =>
    textAt(x, 14, text, { 'text-anchor': anchor, 'font-size': 11, fill: ink })
  return [
    ...bars,
    element('rect', { x: left, y: 4, width: length, height: 10, fill: 'none', stroke: faint }),
    label(left - 6, `\u2212${shortNumber(largest)}`, 'end'),
    label(left + length + 6, `+${shortNumber(largest)}`, 'start'),
    textAt(left + length / 2, 27, '0', { 'text-anchor': 'middle', 'font-size': 11, fill: ink }),
  ].join('')
}

/**
 * The first convolution's feature maps of one image, after ReLU: darker is stronger; one scale for all.
 *
 * @throws ReportError if the number of values does not match the shape
 */
export const featureMapsFigure = (
  { image, shape, data }: FeatureMaps,
  options: FigureOptions & { readonly images?: DrawnImages } = {},
): Figure => {
  const { width = defaultWidth, theme = 'light', images } = options
  const palette = paletteOf(theme)
  const [height, across, filters] = shape
  if (data.length !== height * across * filters || data.length === 0)
    throw new ReportError(
      `expected ${height * across * filters} values for feature maps of [${shape.join(', ')}], found ${data.length}: give one for each place`,
    )
  let strongest = 0
  for (let i = 0; i < data.length; i++) strongest = Math.max(strongest, data[i]! || 0)
  const mapOf = (filter: number) =>
    Uint8Array.from({ length: height * across }, (_, i) =>
      strongest === 0 ? 0 : Math.max(0, Math.min(255, Math.round((255 * data[i * filters + filter]!) / strongest))),
    )
  const columns = columnsOf(filters, width)
  const silent = Array.from({ length: filters }, (_, f) => f + 1).filter((f) =>
    mapOf(f - 1).every((shade) => shade === 0),
  )
  const drawn = tiles(
    Array.from({ length: filters }, (_, filter) => ({
      uri: inkImage(mapOf(filter), height, across, theme),
      kind: 'ink' as const,
      captions: [String(filter + 1)],
    })),
    { width, columns, ratio: height / across, fontSize: 11, palette },
  )
  const source = images ? sourceTile(images, image, theme) : { content: '', height: 0 }
  return figureOf(
    {
      id: 'feature-maps',
      title: `What the ${filters} filters see in test image ${image + 1}`,
      alt: `The feature maps of the first convolution for test image ${image + 1}, after ReLU; the strongest value is ${shortNumber(strongest)}.${silent.length > 0 ? ` Filter${silent.length > 1 ? 's' : ''} ${silent.join(', ')} see${silent.length > 1 ? '' : 's'} nothing in it.` : ''}`,
      content: source.content + element('g', { transform: `translate(0 ${source.height})` }, drawn.content),
      width,
      height: source.height + drawn.height,
    },
    options,
  )
}

/** The image itself, above what is seen in it. */
const sourceTile = (images: DrawnImages, image: number, theme: Theme) => {
  const { height, width } = images
  const { ink, faint, muted } = paletteOf(theme)
  const [side, tall] = [64, (64 * height) / width]
  const { uri, kind } = pictureOf(images, image, theme)
  return {
    content: [
      imageAt(uri, 0, 0, side, tall, kind),
      element('rect', { x: -0.5, y: -0.5, width: side + 1, height: tall + 1, fill: 'none', stroke: faint }),
      textAt(side + 12, tall / 2 - 13, 'the image', { fill: ink }),
      // In two lines, which a phone has room for.
      textAt(side + 12, tall / 2 + 6, 'below: the more ink,', { fill: muted }),
      textAt(side + 12, tall / 2 + 22, 'the stronger a filter answers', { fill: muted }),
    ].join(''),
    height: tall + 14,
  }
}
