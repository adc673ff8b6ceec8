// A backend that computes on another one, and counts how often it was started.
import { cpuBackend } from '@digitlab/backend-cpu'
import type { Backend } from '@digitlab/backends'

let starts = 0
const cpu = cpuBackend()

export const delegating: Backend = {
  ...cpu,
  id: 'delegating',
  async start() {
    const info = await cpu.start()
    return { ...info, id: 'delegating', device: `${info.device}, start ${++starts}` }
  },
}
