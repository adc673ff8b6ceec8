// @digitlab/backend-wasm in another team's tfjs program.
import { npm } from '../shell'
import { expectSame, expectThat, type World } from './parts'
import { program } from './idx'

/** A project with tfjs and our kernels, installed once. @returns its folder */
export const convolutionProject = (world: World): Promise<string> =>
  (world.shared.convolution ??= (async () => {
    const { team, versions } = world
    const dependencies = {
      '@tensorflow/tfjs': '4.22.0',
      '@digitlab/backend-wasm': `^${versions.get('@digitlab/backend-wasm')}`,
    }
    const folder = await team.project(
      'convolution',
      { dependencies },
      { 'train.mjs': await program('convolution.mjs') },
    )
    await team.execute([...npm(), 'install'], folder, { seconds: 300 })
    return folder
  })())

/** Holds what the program printed to what it has to be. @returns the losses, in words */
export const checkConvolution = (said: string): string => {
  const { backend, stock, loss, paths } = JSON.parse(said) as {
    backend: string
    stock: string
    loss: [number, number]
    paths: Record<string, number>
  }
  expectSame('the backend', backend, 'wasm')
  expectThat(
    /Conv2DBackpropFilter/.test(stock),
    `tfjs alone was expected to lack Conv2DBackpropFilter, it said: ${stock}`,
  )
  expectThat(loss[1] < loss[0] / 2, `the loss went from ${loss[0]} to ${loss[1]}`)
  expectThat((paths['convolution filterGradient'] ?? 0) > 0, `our kernel was not taken: ${JSON.stringify(paths)}`)
  return `tfjs alone cannot, with it the loss fell from ${loss[0].toFixed(3)} to ${loss[1].toFixed(3)}`
}

export const tryConvolution = async (world: World): Promise<void> => {
  const { attempt, team } = world
  const part = 'backend-wasm, tfjs 4.22'
  if (!(await attempt(part, 'installed beside tfjs', async () => void (await convolutionProject(world))))) return
  await attempt(part, 'trains a convolution', async () =>
    checkConvolution(await team.execute([process.execPath, 'train.mjs'], await convolutionProject(world))),
  )
}
