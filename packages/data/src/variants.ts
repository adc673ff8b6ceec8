// Several data sets in one place, a folder for each, as MNIST-C has one for each corruption.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { archivedSet } from './archives'
import type { LoadOptions } from './load'
import { fileAt } from './local-files'
import { parsePreparedName, preparedName } from './preparation'
import { isZip } from './array-formats'
import { zipEntries } from './zip'

const testImages = /(^|\/)([^/]+)\/test[-_]images\.npy$/

/**
 * The names of the data sets that one name stands for: `mnist-c`, or a folder or an archive with a folder for each. `loadDataset` takes
 * each of them.
 *
 * @returns an empty list where the name stands for one data set, or none
 */
export const datasetVariants = async (
  whole: string,
  { folder }: Pick<LoadOptions, 'folder'> = {},
): Promise<readonly { readonly name: string; readonly variant: string }[]> => {
  const { name, preparation } = parsePreparedName(whole)
  const each = (variants: readonly string[]) =>
    variants.length < 2
      ? []
      : variants.map((variant) => ({ variant, name: preparedName(`${name}/${variant}`, preparation) }))
  const found = archivedSet(name)
  if (found) return found.variant === undefined ? each(found.set.variants ?? []) : []
  if (folder !== undefined) return []
  const there = await stat(name).catch(() => undefined)
  if (there?.isDirectory()) {
    const variants: string[] = []
    for (const entry of await readdir(name, { withFileTypes: true }))
      if (entry.isDirectory() && (await readdir(join(name, entry.name))).some((file) => testImages.test(`x/${file}`)))
        variants.push(entry.name)
    return each(variants.sort())
  }
  if (!there?.isFile()) return []
  const file = fileAt(name, name)
  for await (const piece of file.open() as AsyncIterable<Uint8Array>) {
    if (!isZip(piece)) return []
    break
  }
  const entries = zipEntries(await file.read(), name)
  return each(entries.flatMap((entry) => testImages.exec(entry.name)?.[2] ?? []).sort())
}
