import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest, longest first: what is begun last must not be what everything waits for. */
const longest = [
  'apps/cli/src/sweep.test.ts',
  'apps/cli/src/resume.test.ts',
  'apps/cli/src/compare.test.ts',
  'apps/cli/src/slurm.test.ts',
  'tooling/release/rehearsal.test.ts',
  'apps/cli/src/vocabulary.test.ts',
  'apps/web/src/robust.test.ts',
  'tooling/packages/checks.test.ts',
  'apps/cli/src/golden.test.ts',
  'apps/cli/src/kills.test.ts',
  'packages/backend-cuda/src/ptx.test.ts',
  'apps/web/src/train.test.ts',
  'tooling/packages/readme.test.ts',
  'tooling/chromium/training.test.ts',
  'apps/cli/src/train.test.ts',
  'tooling/bench/bench.test.ts',
  'apps/cli/src/image-workers.test.ts',
  'apps/cli/src/augment.test.ts',
  'apps/web/src/kind.test.ts',
  'packages/weights/src/hostile.test.ts',
  'apps/cli/src/picture-kinds.test.ts',
  'apps/cli/src/workers.test.ts',
  'apps/cli/src/weights.test.ts',
  'apps/web/src/kept.test.ts',
  'tooling/tfjs/specs.test.ts',
  'tooling/chromium/conformance.test.ts',
  'packages/backend-cuda/src/training.test.ts',
  'apps/cli/src/out.test.ts',
  'apps/cli/src/sweep-kills.test.ts',
  'apps/cli/src/streamed.test.ts',
  'tooling/tfjs/layers.test.ts',
  'packages/idx/src/hostile.test.ts',
  'tooling/vitest/hostile.test.ts',
  'packages/data/src/formats-hostile.test.ts',
  'packages/weights/src/damaged.test.ts',
  'packages/data/src/damaged.test.ts',
]

/** Files in the order of {@link longest}, the others after them in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const gone = longest.filter((file) => !existsSync(join(root, file)))
    if (gone.length > 0) throw new Error(`tooling/vitest/longest-first.ts names what is not there: ${gone.join(', ')}`)
    const place = new Map(longest.map((file, at) => [join(root, file), at]))
    const placeOf = ({ moduleId }: TestSpecification) => place.get(moduleId) ?? longest.length
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b))
  }
}
