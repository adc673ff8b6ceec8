import { version_core } from '@tensorflow/tfjs-core'
import { version } from '../package.json'
import { processors } from './host'

/** What a run ran in. */
export interface Environment {
  /** 'Node 20.20.2', or the browser's own name for itself. */
  readonly runtime: string
  /** 'linux x64', or the browser's platform. */
  readonly platform: string
  /** Logical processors; 0 where it is not told. */
  readonly processors: number
  /** Versions of packages by name. */
  readonly versions: Readonly<Record<string, string>>
}

/** Describes where this runs. */
export const environment = (): Environment => {
  const versions = { '@digitlab/train': version, '@tensorflow/tfjs-core': version_core }
  if (typeof process === 'object' && process.versions?.node !== undefined)
    return {
      runtime: `Node ${process.versions.node}`,
      platform: `${process.platform} ${process.arch}`,
      processors: processors(),
      versions: { ...versions, node: process.versions.node, v8: process.versions.v8 },
    }
  const { userAgent = 'unknown' } = globalThis.navigator ?? {}
  return { runtime: userAgent, platform: 'browser', processors: processors(), versions }
}
