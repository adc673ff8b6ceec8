import type { Run } from '@digitlab/train'

/** What a data set's images are known by, on their way to the figures and in what asks for them: its name and its files' hashes. */
export const imagesId = ({ name, files }: Pick<Run['dataset'], 'name' | 'files'>): string =>
  `${name} ${files.map(({ sha256 }) => sha256).join()}`
