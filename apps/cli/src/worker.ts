// What each thread of --workers runs.
import { workerData } from 'node:worker_threads'
import type { Backend } from '@digitlab/backends'
import { serveWorker } from '@digitlab/train/worker'
import { backends } from './backends'

const { backend } = workerData as { readonly backend: string }
serveWorker(backends().find(({ id }) => id === backend) as Backend)
