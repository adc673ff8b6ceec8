// A backend that computes on another one.
import { cpuBackend } from '@digitlab/backend-cpu'
import type { Backend } from '@digitlab/backends'

const cpu = cpuBackend()

export const delegating: Backend = {
  ...cpu,
  id: 'delegating',
  async start() {
    const info = await cpu.start()
    return { ...info, id: 'delegating', device: `${info.device}, by another name` }
  },
}
