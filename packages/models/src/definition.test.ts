import { describe, expect, test } from 'vitest'
import {
  catalogue,
  defineModel,
  ModelError,
  caseStudyModels,
  modelNames,
  resolveModel,
  type Layer,
  type ModelDefinition,
} from './index'

test("the catalogue begins with the case study's", () => {
  const counts = caseStudyModels.map((name) => [name, resolveModel(name).parameterCount])
  expect(modelNames.slice(0, 3)).toEqual(caseStudyModels)
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

test("a layer may have the name of a module's path in PyTorch", () => {
  const model = defineModel({
    name: 'mine',
    input: [4, 4, 1],
    layers: [
      { type: 'conv2d', name: 'features.0', out: 2, kernel: 3 },
      { type: 'flatten' },
      { type: 'dense', name: 'i.l', out: 3 },
    ],
  })
  expect(model.parameters.map(({ name }) => name)).toEqual([
    'features.0.weight',
    'features.0.bias',
    'i.l.weight',
    'i.l.bias',
  ])
})

test('a dense layer may say that it takes what a large image makes', () => {
  const flat = 112 * 112 * 16
  const layers: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', in: flat, out: 2 }]
  expect(defineModel({ name: 'mine', input: [112, 112, 16], layers }).parameterCount).toBe(2 * flat + 2)
})

test('more parameters than can be counted are refused', () => {
  const layers: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 65536 }]
  expect(() => defineModel({ name: 'mine', input: [65536, 65536, 64], layers })).toThrow('more than 2^53 parameters')
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
    ['a wrong in', [flatten, { ...fc, in: 100 }], 'should take [100], the layer before it makes [784]'],
    [
      'wrong channels',
      [{ ...conv, in: 3 }, flatten, fc],
      'should take 3 channels, the layer before it makes [28, 28, 1]',
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
    [
      'a name used twice',
      [flatten, fc, { type: 'relu' }, fc],
      'layers[3] of the model "mine" (dense "fc") has the name "fc", which layers[1] has as well',
    ],
    ['nothing to train', [flatten], 'has nothing to train'],
    ['no layers', [], 'layers of the model "mine" must be a list of at least one layer, not []'],
    ['layers that are no list', 'conv', 'must be a list of at least one layer, not "conv"'],
    ['an unknown layer', [{ type: 'lstm' }], 'layers[0].type of the model "mine" must be one of conv2d, dense'],
    ['what it is', [flatten, { type: 'lstm' }], 'layers[1].type of the model "mine" must be one of'],
    ['an inherited name', [{ type: 'toString' }], 'tanh, not "toString"'],
    [
      'an unknown option',
      [{ ...conv, dilation: 2 }],
      'layers[0].dilation of the model "mine" is not an option of conv2d, which takes name, in, out',
    ],
    [
      'a missing option',
      [flatten, { type: 'dense', name: 'fc' }],
      'layers[1].out of the model "mine" is missing: it must be an integer from 1 to 65536',
    ],
    [
      'a count below one',
      [flatten, { ...fc, out: 0 }],
      'layers[1].out of the model "mine" must be an integer from 1 to 65536, not 0',
    ],
    [
      'half a stride',
      [{ ...conv, stride: 0.5 }],
      'layers[0].stride of the model "mine" must be an integer from 1 to 65536, or two of them: [height, width], not 0.5',
    ],
    [
      'an empty part of a name',
      [flatten, { ...fc, name: 'a..b' }],
      'in parts joined by dots, at most 128 in all, not "a..b"',
    ],
    [
      'a layer that is a name',
      ['flatten', fc],
      'layers[0] of the model "mine" must be an object such as { "type": "flatten" }, not "flatten"',
    ],
    [
      'a layer that is null',
      [flatten, null],
      'layers[1] of the model "mine" must be an object such as { "type": "relu" }, not null',
    ],
    ['a layer that is a number', [7], 'not 7'],
    ['a layer that is a list', [[flatten]], 'not [{...}]'],
    ['a hole in the list', [, flatten], 'not undefined'], // eslint-disable-line no-sparse-arrays
    ['no type', [{}], 'layers[0].type of the model "mine" must be one of'],
    ['a type that is no name', [{ type: { toString: 1 } }], 'not {"toString"}'],
    ['a type of many lists', [JSON.parse(`{"type":${'['.repeat(50_000)}${']'.repeat(50_000)}}`)], 'not [[...]]'],
    ['escape sequences', [{ type: 'x\u001b[2J\u009b31m' }], 'not "x\\u001b[2J\\u009b31m"'],
    ['an option with a hostile name', [{ ...flatten, 'a\u001b[2J': 1 }], 'layers[0]."a\\u001b[2J" of the model'],
    ['a prototype', [JSON.parse('{"type":"flatten","__proto__":{"size":1}}')], 'layers[0].__proto__ of the model'],
  ])('%s', (_, layers, message) => {
    expect(() => define(layers)).toThrow(ModelError)
    expect(() => define(layers)).toThrow(message)
  })

  test.each([
    ['null', null, 'a model must be an object with name, input and layers, not null'],
    ['a list', [], 'a model must be an object with name, input and layers, not []'],
    ['a number', 3, 'with name, input and layers, not 3'],
    ['an empty object', {}, 'with name, input and layers, not {}: name is missing'],
    ['no layers', { name: 'm', input: [1, 1, 1] }, 'not {"name","input"}: layers is missing'],
    [
      'a key that means nothing',
      { name: 'm', input: [1, 1, 1], layers: [flatten, fc], epochs: 5 },
      '"epochs" is not part of a model, which has name, input and layers: take it out',
    ],
  ])('%s as a model', (_, definition, message) => {
    expect(() => defineModel(definition as unknown as ModelDefinition)).toThrow(ModelError)
    expect(() => defineModel(definition as unknown as ModelDefinition)).toThrow(message)
    if (typeof definition === 'object') expect(() => resolveModel(definition as unknown as string)).toThrow(message)
  })

  test.each<[string, unknown, unknown[]]>([
    ['no object', 7, []],
    ['what is missing', { name: 'm', layers: [flatten, fc] }, ['input']],
    ['what is no part', { name: 'm', input: [1, 1, 1], layers: [flatten, fc], epochs: 5 }, ['epochs']],
    ['a name', { name: 'my net', input: [1, 1, 1], layers: [flatten, fc] }, ['name']],
    ['an input', { name: 'm', input: [1, 1], layers: [flatten, fc] }, ['input']],
    ['no layers', { name: 'm', input: [1, 1, 1], layers: [] }, ['layers']],
    ['no layer', { name: 'm', input: [1, 1, 1], layers: [flatten, 7] }, ['layers', 1]],
    ['an unknown type', { name: 'm', input: [1, 1, 1], layers: [{ type: 'flat' }, fc] }, ['layers', 0, 'type']],
    ['an option', { name: 'm', input: [1, 1, 1], layers: [flatten, { ...fc, out: 0 }] }, ['layers', 1, 'out']],
    ['a missing option', { name: 'm', input: [1, 1, 1], layers: [flatten, { type: 'dense' }] }, ['layers', 1, 'name']],
    [
      'an unknown option',
      { name: 'm', input: [1, 1, 1], layers: [{ ...flatten, from: 1 }, fc] },
      ['layers', 0, 'from'],
    ],
    ['a name used twice', { name: 'm', input: [1, 1, 1], layers: [flatten, fc, fc] }, ['layers', 2, 'name']],
    ['shapes', { name: 'm', input: [1, 1, 1], layers: [fc] }, ['layers', 0]],
    ['another input', { name: 'm', input: [1, 1, 1], layers: [flatten, { ...fc, in: 2 }] }, ['layers', 1, 'in']],
    [
      'an option of a layer within a layer',
      { name: 'm', input: [1, 1, 1], layers: [{ type: 'residual', layers: [{ type: 'dropout', p: 2 }] }] },
      ['layers', 0, 'layers', 0, 'p'],
    ],
    ['no row of logits', { name: 'm', input: [1, 1, 1], layers: [{ type: 'relu' }] }, ['layers', 0]],
    ['nothing to train', { name: 'm', input: [1, 1, 1], layers: [{ type: 'relu' }, flatten] }, ['layers', 1]],
  ])('the path of an error leads to %s', (_, definition, path) => {
    expect(() => defineModel(definition as ModelDefinition)).toThrow(expect.objectContaining({ path }))
  })

  test('an error that is not about a definition has no path', () => {
    expect(() => resolveModel('resnet')).toThrow(expect.objectContaining({ path: undefined }))
  })

  test('inputs and names', () => {
    expect(() => define([flatten, fc], [28, 28])).toThrow(
      'must be [height, width, channels], each an integer from 1 to 65536, not [28,28]',
    )
    expect(() => define([flatten, fc], [28, 28, 1], '../x')).toThrow(
      'the name of a model must be letters, digits, - and _, at most 64 in all, not "../x"',
    )
    expect(() => resolveModel('resnet')).toThrow(expect.objectContaining({ code: 'bad-model', mendable: true }))
    expect(() => resolveModel('resnet')).toThrow('there is no model "resnet": choose one of linear, two-layer, cnn')
    expect(() => resolveModel('x\u001b[2J'.repeat(100))).toThrow(/^there is no model "[ -~]{1,90}: choose/)
    expect(() => resolveModel('constructor')).toThrow('there is no model "constructor"')
  })
})
