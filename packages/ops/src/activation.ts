import {
  abs,
  add,
  engine,
  exp,
  expm1,
  greater,
  log1p,
  mul,
  neg,
  relu,
  sigmoid,
  square,
  sub,
  tanh,
  tidy,
  where,
  zerosLike,
  minimum,
  type GradConfig,
  type NamedAttrMap,
  type Tensor,
} from '@tensorflow/tfjs-core'
import { kernelContracts, type ActivationName, type KernelAttributes } from './contracts'
import { hasKernel, runKernel } from './kernels'

const half = Math.SQRT1_2
/** 1 / sqrt(2 pi), the height of the normal distribution's density. */
const peak = 1 / Math.sqrt(2 * Math.PI)

/** a t + c, a polynomial's step. */
const next = (sum: Tensor, t: Tensor, c: number) => add(mul(sum, t), c)

const polynomial = (t: Tensor, [first = 0, second = 0, ...more]: readonly number[]): Tensor =>
  more.reduce<Tensor>((sum, c) => next(sum, t, c), add(mul(t, first), second))

/**
 * The error function to two units in the last place of float32, where tfjs's `erf` is off by up to 1.5e-7 whatever the size of the result.
 * Near 0 a polynomial in x^2; from 0.93 on 1 - exp of a polynomial.
 *
 * Source: Juffa, "Accurate implementation of erff", 2016 (minimax fits of his).
 */
const erf = (x: Tensor): Tensor => {
  const t = minimum(abs(x), 4) // from there on it is 1
  const s = square(x)
  const low = add(mul(polynomial(s, erfLow), x), x)
  const high = sub(1, exp(sub(mul(polynomial(t, erfHigh), t), t)))
  return where(greater(t, 0.927734375), mul(high, where(greater(x, 0), oneLike(x), neg(oneLike(x)))), low)
}

const oneLike = (x: Tensor) => add(zerosLike(x), 1)

const erfLow = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]
const erfHigh = [
  -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1,
]

interface Reference {
  readonly y: (x: Tensor, parameter: number) => Tensor
  readonly dx: (dy: Tensor, x: Tensor, y: Tensor, parameter: number) => Tensor
}

/** x where it is positive, else what another function makes of the rest, whose exponentials do not overflow. */
const below = (x: Tensor, of: (negative: Tensor) => Tensor): Tensor => where(greater(x, 0), x, of(minimum(x, 0)))
/** dy where x is positive, else dy times a slope. */
const sloped = (dy: Tensor, x: Tensor, slope: (negative: Tensor) => Tensor | number): Tensor =>
  where(greater(x, 0), dy, mul(dy, slope(minimum(x, 0))))

const normal = (x: Tensor): Tensor => mul(add(erf(mul(x, half)), 1), 0.5)

const references: Readonly<Record<ActivationName, Reference>> = {
  relu: { y: (x) => relu(x), dx: (dy, _, y) => where(greater(y, 0), dy, zerosLike(dy)) },
  tanh: { y: (x) => tanh(x), dx: (dy, _, y) => mul(dy, sub(1, square(y))) },
  sigmoid: { y: (x) => sigmoid(x), dx: (dy, _, y) => mul(dy, mul(y, sub(1, y))) },
  gelu: {
    y: (x) => mul(x, normal(x)),
    dx: (dy, x) => mul(dy, add(normal(x), mul(x, mul(exp(mul(square(x), -0.5)), peak)))),
  },
  elu: {
    y: (x, alpha) => below(x, (negative) => mul(expm1(negative), alpha)),
    dx: (dy, x, _, alpha) => sloped(dy, x, (negative) => mul(exp(negative), alpha)),
  },
  leakyRelu: {
    y: (x, slope) => below(x, (negative) => mul(negative, slope)),
    dx: (dy, x, _, slope) => sloped(dy, x, () => slope),
  },
  silu: {
    y: (x) => mul(x, sigmoid(x)),
    dx: (dy, x) => {
      const s = sigmoid(x)
      return mul(dy, mul(s, add(mul(x, sub(1, s)), 1)))
    },
  },
  softplus: {
    // log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)); beyond 20 PyTorch takes x itself, from which this differs by 2e-9 at most.
    y: (x) => add(relu(x), log1p(exp(neg(abs(x))))),
    dx: (dy, x) => mul(dy, sigmoid(x)),
  },
}

/**
 * A function of each value by itself, as PyTorch's module of that name: relu, tanh, sigmoid, gelu (exact, by the error function),
 * elu, leakyRelu, silu, softplus.
 *
 * Kernel `DigitlabActivation`.
 *
 * @param parameter alpha of elu, the slope of leakyRelu; others take none
 */
export const activate = <T extends Tensor>(x: T, name: ActivationName, parameter = 0): T => {
  if (hasKernel('activation')) return runKernel('activation', { x }, { name, parameter }, gradient).y as T
  kernelContracts.DigitlabActivation.sizes({ x }, { name, parameter })
  return tidy(() => references[name].y(x, parameter)) as T
}

/**
 * The gradient of {@link activate}: dy times the slope at x. ReLU and leaky ReLU have the slope below 0 at 0, as in PyTorch.
 *
 * Kernel `DigitlabActivationGrad`.
 *
 * @param dy in the shape of x; @param y what `activate` returned for x
 */
export const activateGrad = (dy: Tensor, x: Tensor, y: Tensor, name: ActivationName, parameter = 0): Tensor => {
  const attributes = { name, parameter }
  if (hasKernel('activationGrad')) return runKernel('activationGrad', { dy, x, y }, attributes).dx
  kernelContracts.DigitlabActivationGrad.sizes({ dy, x, y }, attributes)
  return tidy(() => references[name].dx(dy, x, y, parameter))
}

/** For tfjs's autograd: a loss of one's own goes back through the kernel. */
const gradient: Omit<GradConfig, 'kernelName'> = {
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc(dy, saved, attributes: NamedAttrMap) {
    const [x, y] = saved as [Tensor, Tensor]
    const { name, parameter } = attributes as unknown as KernelAttributes<'DigitlabActivation'>
    return { x: () => activateGrad(dy as Tensor, x, y, name, parameter) }
  },
}

/** max(x, 0): tfjs's own where its autograd is to have gradients of gradients. */
export const rectify = <T extends Tensor>(x: T): T =>
  hasKernel('activation') && !engine().isTapeOn() ? activate(x, 'relu') : relu(x)

/** The gradient of {@link rectify}, given what it returned: dy where y > 0, else 0. */
export const rectifyGrad = (dy: Tensor, y: Tensor): Tensor => activateGrad(dy, y, y, 'relu')
