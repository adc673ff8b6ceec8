// @ts-check
// Times every kernel at the shapes of the three models, batch 64, both flavours in turn: microseconds and
// GFLOP/s as if no product were skipped. The images are strokes, four of five pixels black; the activations and gradients are
// those of one real step, so that what the kernels skip is what they skip in training.
// pnpm --filter @digitlab/backend-wasm time [repetitions [part of a name]]
import { performance } from 'node:perf_hooks'
import v8 from 'node:v8'
import { compile } from './compile.mjs'

v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
const repetitions = Number(process.argv[2] ?? 200)
const batch = 64

let state = 1
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}

/** 28 x 28 bytes with a few thick strokes in the middle 20 x 20. */
const strokes = () => {
  const image = new Uint8Array(784)
  let [x, y, angle] = [8 + 12 * random(), 6 + 6 * random(), 6.3 * random()]
  for (let step = 0; step < 46; step++) {
    angle += random() - 0.4
    x = Math.min(22, Math.max(5, x + Math.cos(angle)))
    y = Math.min(22, Math.max(5, y + Math.sin(angle)))
    for (let r = Math.floor(y - 1); r <= y + 1.5; r++)
      for (let c = Math.floor(x - 1); c <= x + 1.5; c++)
        image[r * 28 + c] = Math.max(image[r * 28 + c] ?? 0, 55 + 200 * random())
  }
  return image
}

const flavours = /** @type {const} */ (['relaxed', 'plain'])

/** @typedef {Record<'convDirect' | 'convRowsGrad' | 'convSingle' | 'convSingleGrad' | 'convolution' | 'denseGrad' | 'denseNarrow' | 'denseWide' | 'gatherBatch' | 'matMul' | 'maxPoolGrad' | 'sgdStep' | 'softmaxCrossEntropy', (...args: number[]) => void>} Kernels */

/**
 * A module with its memory, and where each tensor lies in it.
 *
 * @typedef {object} Side
 * @property {Kernels} kernels
 * @property {WebAssembly.Memory} memory
 * @property {Map<string, number>} tensors
 * @property {number} next the first byte that is free
 */

/** @typedef {(k: Kernels, at: (tensor: string) => number) => unknown} Call */

/** @typedef {readonly [name: string, products: number, call: Call]} Case multiply-adds if nothing were skipped */

const sides = await Promise.all(
  flavours.map(async (flavour) => {
    const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true })
    const module = await WebAssembly.compile(await compile(flavour))
    const { exports } = new WebAssembly.Instance(module, { env: { memory } })
    const kernels = /** @type {Side['kernels']} */ (exports)
    return /** @type {Side} */ ({ kernels, memory, tensors: new Map(), next: 1024 })
  }),
)
/** @type {(name: string, count: number, fill?: () => number) => void} */
const allocate = (name, count, fill) => {
  const values = fill && Array.from({ length: count }, fill)
  for (const side of sides) {
    side.tensors.set(name, side.next)
    if (values) new Float32Array(side.memory.buffer, side.next, count).set(values)
    side.next += Math.ceil(count / 16) * 64 + 256
  }
}
const uniform = (/** @type {number} */ bound) => () => (2 * random() - 1) * bound

const bytes = Array.from({ length: 1024 }, strokes)
allocate('bytes', 1024 * 196)
allocate('all labels', 1024)
allocate('order', batch)
for (const { memory, tensors } of sides) {
  bytes.forEach((image, i) => new Uint8Array(memory.buffer, (tensors.get('bytes') ?? 0) + 784 * i, 784).set(image))
  new Int32Array(memory.buffer, tensors.get('all labels'), 1024).set(bytes.map((_, i) => i % 10))
  new Int32Array(memory.buffer, tensors.get('order'), batch).set(
    Array.from({ length: batch }, (_, i) => (i * 37) % 1024),
  )
}
for (const [name, count] of /** @type {[string, number][]} */ ([
  ...[
    ['images', batch * 784],
    ['labels', batch],
    ['summary', 2],
    ['scratch', 1 << 20],
  ],
  ...[
    ['y10', batch * 10],
    ['d10', batch * 10],
    ['y100', batch * 100],
    ['d100', batch * 100],
  ],
  ...[
    ['pool1', batch * 196 * 16],
    ['win1', batch * 196 * 16],
    ['dpool1', batch * 196 * 16],
  ],
  ...[
    ['pool2', batch * 49 * 32],
    ['win2', batch * 49 * 32],
    ['dpool2', batch * 49 * 32],
  ],
  ...[
    ['dw784x10', 7840],
    ['dw784x100', 78400],
    ['dw100x10', 1000],
    ['dw1568x10', 15680],
    ['dbias', 100],
  ],
  ...[
    ['df1', 144],
    ['df2', 4608],
    ['c', 784 * 256],
  ],
]))
  allocate(name, count)
for (const [name, count, fan] of /** @type {[string, number, number][]} */ ([
  ...[
    ['w784x10', 7840, 784],
    ['w784x100', 78400, 784],
    ['w100x10', 1000, 100],
    ['w1568x10', 15680, 1568],
  ],
  ...[
    ['b10', 10, 784],
    ['b100', 100, 784],
    ['f1', 144, 9],
    ['fb1', 16, 9],
    ['f2', 4608, 144],
    ['fb2', 32, 144],
  ],
]))
  allocate(name, count, uniform(1 / Math.sqrt(fan)))

/** @type {(x: string, w: string, b: string, y: string, inputs: number, outputs: number, relu: number) => Case} */
const dense = (x, w, b, y, inputs, outputs, relu) => [
  `dense [${batch}, ${inputs}] x [${inputs}, ${outputs}]`,
  batch * inputs * outputs,
  (k, at) =>
    k[outputs <= 24 ? 'denseNarrow' : 'denseWide'](
      at(x),
      at(w),
      at(b),
      at(y),
      batch,
      inputs,
      outputs,
      relu,
      at('scratch'),
    ),
]
/** @type {(dy: string, x: string, w: string, y: string, dw: string, dx: string, inputs: number, outputs: number, relu: number) => Case} */
const denseGrad = (dy, x, w, y, dw, dx, inputs, outputs, relu) => [
  `denseGrad [${inputs}, ${outputs}]${dx ? ' with dx' : ''}`,
  batch * inputs * outputs * (dx ? 2 : 1),
  (k, at) =>
    k.denseGrad(
      ...[at(dy), at(x), at(w), at(y), at(dw), at('dbias'), dx ? at(dx) : 0],
      ...[batch, inputs, outputs, relu, outputs <= 24 ? 1 : 0, at('scratch')],
    ),
]
/** @type {Case} */
const softmax = [
  'softmaxCrossEntropy [64, 10]',
  0,
  (k, at) =>
    k.softmaxCrossEntropy(at('y10'), at('labels'), batch, 10, 1 / batch, at('summary'), at('d10'), at('scratch')),
]
const conv2Sizes = [14, 14, 16, 32]
/** @type {(m: number, n: number, k: number, transposed: boolean) => Case} */
const matMul = (m, n, k, transposed) => [
  `matMul [${m}, ${k}] x [${k}, ${n}]${transposed ? ', A transposed' : ''}`,
  m * n * k,
  (kernels, at) =>
    kernels.matMul(
      ...[m, n, k, at('pool1'), ...(transposed ? [1, m] : [k, 1]), at('pool2'), n, 1, at('c'), n, 0, at('scratch')],
    ),
]
/** @type {readonly Case[]} */
const cases = [
  [
    'gatherBatch',
    0,
    (k, at) => k.gatherBatch(at('bytes'), at('all labels'), 1024, at('order'), batch, 784, at('images'), at('labels')),
  ],
  dense('images', 'w784x10', 'b10', 'y10', 784, 10, 0),
  softmax,
  denseGrad('d10', 'images', 'w784x10', 'y10', 'dw784x10', '', 784, 10, 0),
  dense('images', 'w784x100', 'b100', 'y100', 784, 100, 1),
  dense('y100', 'w100x10', 'b10', 'y10', 100, 10, 0),
  softmax,
  denseGrad('d10', 'y100', 'w100x10', 'y10', 'dw100x10', 'd100', 100, 10, 0),
  denseGrad('d100', 'images', 'w784x100', 'y100', 'dw784x100', '', 784, 100, 1),
  [
    'convReluPool 1 -> 16 on 28 x 28',
    batch * 784 * 144,
    (k, at) =>
      k.convSingle(
        ...[at('images'), at('f1'), at('fb1'), at('pool1'), at('win1'), batch, 28, 28, 16, 1, at('scratch')],
      ),
  ],
  [
    'convReluPool 16 -> 32 on 14 x 14',
    batch * 196 * 4608,
    (k, at) =>
      k.convDirect(
        ...[at('pool1'), at('f2'), at('fb2'), at('pool2'), at('win2'), batch, ...conv2Sizes, 3, 3, 1, at('scratch')],
      ),
  ],
  dense('pool2', 'w1568x10', 'b10', 'y10', 1568, 10, 0),
  softmax,
  denseGrad('d10', 'pool2', 'w1568x10', 'y10', 'dw1568x10', 'dpool2', 1568, 10, 0),
  [
    'convReluPoolGrad 16 -> 32 with dx',
    2 * batch * 196 * 4608,
    (k, at) =>
      k.convRowsGrad(
        ...[at('dpool2'), at('pool1'), at('f2'), at('win2'), at('df2'), at('dbias'), at('dpool1')],
        ...[batch, ...conv2Sizes, 3, 3, 1, at('scratch')],
      ),
  ],
  [
    'convReluPoolGrad 1 -> 16',
    batch * 784 * 144,
    (k, at) =>
      k.convSingleGrad(
        ...[at('dpool1'), at('images'), at('win1'), at('df1'), at('dbias'), batch, 28, 28, 16, 1, at('scratch')],
      ),
  ],
  ['sgdStep of 20490', 20490, (k, at) => k.sgdStep(at('c'), at('pool2'), 20490, 0)],
  [
    'maxPoolGrad 2 x 2 of 28 x 28 x 16',
    0,
    (k, at) => k.maxPoolGrad(...[at('dpool1'), at('c'), at('scratch'), 16, 28, 28, 16, 14, 14, 2, 2, 2, 2, 0, 0]),
  ],
  matMul(64, 112, 784, false),
  matMul(784, 112, 64, true),
  matMul(256, 256, 256, false),
  [
    'convolution 16 -> 32 on 14 x 14, general',
    batch * 196 * 4608,
    (k, at) =>
      k.convolution(
        ...[0, at('pool1'), at('f2'), at('c'), 32, 14, 14, 16, 14, 14, 32, 3, 3, 1, 1, 1, 1, 1, 1, at('scratch')],
      ),
  ],
]

const [shown] = sides
if (!shown) throw new Error('there are no flavours to time')

/** @type {(name: string, count: number) => number} */
const share = (name, count) => {
  const { memory, tensors } = shown
  const values = new Float32Array(memory.buffer, tensors.get(name), count)
  return (100 * values.filter((value) => value !== 0).length) / count
}
console.log(`${'kernel'.padEnd(44)}${flavours.map((f) => `${f} us: least, median, GFLOP/s`.padStart(38)).join('')}`)
for (const [name, products, call] of cases) {
  if (!name.includes(process.argv[3] ?? '')) {
    for (const { kernels, tensors } of sides) call(kernels, (tensor) => tensors.get(tensor) ?? 0) // the next ones need it
    continue
  }
  const times = flavours.map(() => /** @type {number[]} */ ([]))
  const runs = Math.max(20, repetitions)
  for (let i = 0; i < runs; i++)
    sides.forEach(({ kernels, tensors }, s) => {
      const start = performance.now()
      call(kernels, (tensor) => tensors.get(tensor) ?? 0)
      times[s]?.push(1e3 * (performance.now() - start))
    })
  const columns = times.map((list) => {
    list.sort((a, b) => a - b)
    const [least = NaN, us = NaN] = [list[0], list[Math.floor(runs / 2)]]
    const rate = products > 0 ? (products / us / 500).toFixed(1) : ''
    return `${least.toFixed(1).padStart(16)}${us.toFixed(1).padStart(11)}${rate.padStart(11)}`
  })
  console.log(name.padEnd(44) + columns.join(''))
}
const [pixels, first] = [share('images', batch * 784), share('pool1', batch * 196 * 16)]
const winners = new Int32Array(shown.memory.buffer, shown.tensors.get('win2'), batch * 49 * 32)
console.log(
  `not zero: ${pixels.toFixed(0)} % of the pixels, ${first.toFixed(0)} % of the first pool, ` +
    `${((100 * winners.filter((w) => w >= 0).length) / winners.length).toFixed(0)} % of the second pool's winners`,
)
