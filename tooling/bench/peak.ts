// The most that one core of this machine does in WebAssembly: fused multiply-adds of four float32, in registers only.
import v8 from 'node:v8'

/** LEB128 of a small number. */
const leb = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)])
const section = (id: number, bytes: readonly number[]) => [id, ...leb(bytes.length), ...bytes]
const chains = 10

/** (i32 rounds) => f32: `rounds` times ten independent chains of f32x4.relaxed_madd. */
const moduleBytes = () => {
  const body = [
    ...[1, chains + 1, 123], // locals beside the parameter: ten sums and a factor, v128
    ...[67, 0, 0, 128, 63, 253, 19, 33, 1 + chains], // factor = splat(1)
    ...[3, 64], // loop
    ...Array.from({ length: chains }, (_, i) => [
      ...[32, 1 + chains, 32, 1 + chains, 32, 1 + i, 253, 133, 2, 33, 1 + i],
    ]).flat(),
    ...[32, 0, 65, 1, 107, 34, 0, 13, 0, 11], // while (--rounds)
    ...[32, 1],
    ...Array.from({ length: chains - 1 }, (_, i) => [32, 2 + i, 253, 228, 1]).flat(),
    ...[253, 31, 0, 11],
  ]
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 96, 1, 127, 1, 125]),
    ...section(3, [1, 0]),
    ...section(7, [1, 4, ...new TextEncoder().encode('peak'), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ])
}

/** GFLOP/s of one core, or undefined where the engine has no relaxed SIMD. */
export const measurePeak = async (): Promise<number | undefined> => {
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  const bytes = moduleBytes()
  if (!WebAssembly.validate(bytes)) return undefined
  const { instance } = await WebAssembly.instantiate(bytes)
  const { peak } = instance.exports as { peak: (rounds: number) => number }
  const rounds = 10_000_000
  let best = Infinity
  for (let i = 0; i < 6; i++) {
    const from = performance.now()
    peak(rounds)
    best = Math.min(best, performance.now() - from)
  }
  return (rounds * chains * 8) / (best * 1e6)
}
