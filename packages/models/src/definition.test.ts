import { describe, expect, test } from 'vitest'
import { catalogue, defineModel, ModelError, modelNames, resolveModel, type Layer, type ModelDefinition } from './index'

test("the catalogue is the case study's", () => {
  const counts = modelNames.map((name) => [name, resolveModel(name).parameterCount])
  expect(counts).toEqual([
    ['linear', 7850],
    ['two-layer', 79510],
    ['cnn', 20490],
  ])
  expect(resolveModel('cnn').layers.map(({ output }) => output.join(' x '))).toEqual([
    '28 x 28 x 16',
    '28 x 28 x 16',
    '14 x 14 x 16',
    '14 x 14 x 32',
    '14 x 14 x 32',
    '7 x 7 x 32',
    '1568',
    '10',
  ])
})

test('a catalogue model is made to fit the images and classes at hand', () => {
  const model = resolveModel('cnn', { input: [32, 20, 3], classes: 47 })
  expect(model.parameters.map(({ name, shape }) => `${name} ${shape.join(' x ')}`)).toEqual([
    'conv1.weight 16 x 3 x 3 x 3',
    'conv1.bias 16',
    'conv2.weight 32 x 16 x 3 x 3',
    'conv2.bias 32',
    `fc.weight 47 x ${8 * 5 * 32}`,
    'fc.bias 47',
  ])
})

test('a definition survives JSON', () => {
  const definition = catalogue.cnn({ input: [28, 28, 1], classes: 10 })
  expect(defineModel(JSON.parse(JSON.stringify(definition)) as ModelDefinition).parameterCount).toBe(20490)
})

describe('what does not fit is refused with both shapes', () => {
  const define = (layers: unknown, input: unknown = [28, 28, 1], name: unknown = 'mine') =>
    defineModel({ name, input, layers } as ModelDefinition)
  const fc: Layer = { type: 'dense', name: 'fc', out: 10 }
  const conv: Layer = { type: 'conv2d', name: 'conv', out: 4, kernel: 3 }
  const flatten: Layer = { type: 'flatten' }

  test.each([
    ['a dense layer on an image', [fc], 'takes a flat row, the layer before it makes [28, 28, 1]: put a flatten'],
    ['a wrong in', [flatten, { ...fc, in: 100 }], 'is to take [100], the layer before it makes [784]'],
    [
      'wrong channels',
      [{ ...conv, in: 3 }, flatten, fc],
      'is to take 3 channels, the layer before it makes [28, 28, 1]',
    ],
    ['a convolution of a row', [flatten, conv], 'takes [height, width, channels], the layer before it makes [784]'],
    [
      'a kernel too large',
      [{ ...conv, kernel: 30 }],
      'has a kernel of [30, 30], the layer before it makes only [28, 28, 1]',
    ],
    [
      'a window too large',
      [{ type: 'maxPool2d', size: 29 }],
      'has windows of [29, 29], the layer before it makes only',
    ],
    ['no flat end', [conv], 'it ends in [26, 26, 4]: add a flatten and a dense layer'],
    ['a name used twice', [flatten, fc, { type: 'relu' }, fc], 'the name "fc" is used twice'],
    ['nothing to train', [flatten], 'has nothing to train'],
    ['no layers', [], 'has no list of layers'],
    ['layers that are no list', 'conv', 'has no list of layers: "conv"'],
    ['an unknown layer', [{ type: 'lstm' }], 'there is no layer of type "lstm"'],
    ['an inherited name', [{ type: 'toString' }], 'there is no layer of type "toString"'],
    ['an unknown option', [{ ...conv, dilation: 2 }], 'there is no option "dilation", it takes name, in, out'],
    ['a missing option', [flatten, { type: 'dense', name: 'fc' }], 'out is missing'],
    ['a count below one', [flatten, { ...fc, out: 0 }], 'out must be an integer from 1 to 65536, not 0'],
    ['half a stride', [{ ...conv, stride: 0.5 }], 'stride must be an integer from 1 to 65536, not 0.5'],
    ['a name with a dot', [flatten, { ...fc, name: 'a.b' }], 'name must be of letters, digits and _, not "a.b"'],
  ])('%s', (_, layers, message) => {
    expect(() => define(layers)).toThrow(ModelError)
    expect(() => define(layers)).toThrow(message)
  })

  test('inputs and names', () => {
    expect(() => define([flatten, fc], [28, 28])).toThrow('is [height, width, channels], not [28,28]')
    expect(() => define([flatten, fc], [28, 28, 1], '../x')).toThrow(
      'a model\'s name is of letters, digits, - and _, not "../x"',
    )
    expect(() => resolveModel('resnet')).toThrow('there is no model "resnet": choose one of linear, two-layer, cnn')
    expect(() => resolveModel('constructor')).toThrow('there is no model "constructor"')
  })
})
