// c = a + b, or a b, element by element: elements from .. to - 1.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.

export function add(a: usize, b: usize, c: usize, _room: usize, from: usize, to: usize): void {
  const end = c + to * 4
  a += from * 4
  b += from * 4
  c += from * 4
  for (; c + 16 <= end; c += 16, a += 16, b += 16) v128.store(c, f32x4.add(v128.load(a), v128.load(b)))
  for (; c < end; c += 4, a += 4, b += 4) store<f32>(c, load<f32>(a) + load<f32>(b))
}

export function multiply(a: usize, b: usize, c: usize, _room: usize, from: usize, to: usize): void {
  const end = c + to * 4
  a += from * 4
  b += from * 4
  c += from * 4
  for (; c + 16 <= end; c += 16, a += 16, b += 16) v128.store(c, f32x4.mul(v128.load(a), v128.load(b)))
  for (; c < end; c += 4, a += 4, b += 4) store<f32>(c, load<f32>(a) * load<f32>(b))
}
