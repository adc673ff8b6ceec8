import { catalogue, mnistFit } from '@digitlab/models'
import { expect, test } from 'vitest'
import { modelInAddress, modelText, readableModel, readModelText } from './model-text'

const text = modelText(catalogue.cnn(mnistFit))

test('a model of the catalogue is written a layer a line, and read as it was', () => {
  expect(text.split('\n').slice(0, 5)).toEqual([
    '{',
    '  "name": "cnn",',
    '  "input": [28, 28, 1],',
    '  "layers": [',
    '    { "type": "conv2d", "name": "conv1", "out": 16, "kernel": 3, "padding": 1 },',
  ])
  expect(readModelText(text).model?.definition).toEqual(catalogue.cnn(mnistFit))
  expect(readableModel(JSON.stringify(catalogue.cnn(mnistFit)))).toBe(text)
  expect(readableModel('{ "name": ')).toBe('{ "name": ')
  // One that somebody has laid out is left as it is, right or wrong; one in a single line is laid out in either case.
  const wrong = text.replace('"out": 32', '"out": 0')
  expect(readableModel(wrong)).toBe(wrong)
  expect(readableModel(JSON.stringify(JSON.parse(wrong)))).toBe(wrong)
  expect(['7', 'null', '[]', '{ "layers": 7 }'].map(readableModel)).toEqual(['7', 'null', '[]', '{ "layers": 7 }'])
})

test.each([
  ['', 1, /there is no model yet/],
  [text.replace('"cnn",', '"cnn"'), 3, /a comma is missing/],
  [text.replace(' },\n    { "type": "relu" }', ' }\n    { "type": "relu" }'), 6, /a comma is missing/],
  [text.replace('"name": "conv1"', 'name: "conv1"'), 5, /double quotes/],
  [text.replace('  ]\n}', '  ],\n}'), 14, /comma before it is one too many/],
  [text.replace('\n}\n', '\n'), 13, /a closing } is missing/],
  [text.replace('{\n', '{ // mine\n'), 1, /JSON has no comments/],
  [text.replace('"cnn"', '"my net"'), 2, /the name of a model must be letters/],
  [text.replace('[28, 28, 1]', '[28, 28]'), 3, /must be \[height, width, channels\]/],
  [text.replace('  "input": [28, 28, 1],\n', ''), 1, /input is missing/],
  [text.replace('"input"', '"depth": 2,\n  "input"'), 3, /"depth" is not part of a model/],
  [text.replace('"out": 32', '"out": 0'), 8, /layers\[3\]\.out/],
  [text.replace('maxPool2d', 'maxPol2d'), 7, /layers\[2\]\.type .* maxPool2d/],
  [text.replace('"type": "relu"', '"type": "relu", "slope": 1'), 6, /layers\[1\]/],
  [text.replace('"conv2"', '"conv1"'), 8, /has the name "conv1", which layers\[0\] has as well/],
  [text.replace('    { "type": "flatten" },\n', ''), 11, /layers\[6\]/],
  [text.replace(/,\n {4}\{ "type": "flatten" \},\n.*\n/, '\n'), 10, /must end in a flat row of logits/],
])('%#: what is wrong is told beside its line', (wrong, line, sentence) => {
  const { fault } = readModelText(wrong)
  expect(fault?.sentence).toMatch(new RegExp(sentence, 'i'))
  expect(fault?.line).toBe(line)
})

test('an address carries a model that is short enough', () => {
  const short = modelInAddress(text)
  expect(short).toBe(JSON.stringify(catalogue.cnn(mnistFit)))
  const layers = Array.from({ length: 200 }, () => ({ type: 'relu' as const }))
  const { layers: own, ...rest } = catalogue.cnn(mnistFit)
  expect(modelInAddress(modelText({ ...rest, layers: [...layers, ...own] }))).toBeUndefined()
})
