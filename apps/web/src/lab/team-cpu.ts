// A thread that takes its share of every batch in JavaScript.
import { cpuBackend } from '@digitlab/backend-cpu'
import { serveWorker } from '@digitlab/train/worker'

serveWorker(cpuBackend())
