// What the command, and what a program that only reads weights, bring into an empty folder.
import { npm } from '../shell'
import { installedSize, sizeText } from '../installed-size'
import type { World } from './parts'

export const sizesPart = 'in an empty folder'

export const trySizes = async ({ attempt, team, versions }: World): Promise<void> => {
  for (const name of ['digitlab', '@digitlab/weights'])
    await attempt(sizesPart, `npm install ${name}`, async () => {
      const folder = await team.project(`size-of-${name.replace(/\W+/g, '-')}`)
      await team.execute([...npm(), 'install', `${name}@${versions.get(name)}`], folder, { seconds: 300 })
      return sizeText(await installedSize(folder))
    })
}
