// A nested worker that takes its share of every batch.
import { serveWorker } from '@digitlab/train/worker'
import { backendOf, type PageBackendId } from './backends'

const [id = 'wasm', simd = 'auto'] = (globalThis as unknown as { name: string }).name.split(' ') as [
  PageBackendId?,
  ('auto' | 'plain')?,
]
serveWorker(backendOf(id, simd))
