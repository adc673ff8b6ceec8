// The option --augment: how training images are changed, by name and options.
import { augmentationTypes, type ExperimentInput } from '@digitlab/train/experiment'
import { InvalidArgumentError, Option } from 'commander'

/** One augmentation as it was given: what its options may be is for the experiment to check. */
type Given = { readonly name: string } & Readonly<Record<string, unknown>>

/** What `--augment` says, as often as it was given. */
export interface AugmentFlags {
  readonly augment?: readonly Given[]
}

const valueOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** `affine:shift=2,rotate=10` */
const parsed = (text: string, before: readonly Given[] = []): readonly Given[] => {
  const [name = '', ...rest] = text.split(':')
  const options = rest
    .join(':')
    .split(',')
    .filter((part) => part.trim() !== '')
  const pairs = options.map((part) => {
    const [key = '', ...value] = part.split('=')
    if (value.length === 0) throw new InvalidArgumentError(`"${part}" has no value: it must be such as shift=2.`)
    return [key.trim(), valueOf(value.join('=').trim())] as const
  })
  return [...before, { ...Object.fromEntries(pairs), name: name.trim() }]
}

/** `--augment affine:shift=2,rotate=10`, as often as there are augmentations. */
export const augmentOption = (): Option =>
  new Option(
    '--augment <what>',
    `change the training images each time that they are seen, such as affine:shift=2,rotate=10; again for the next: ${augmentationTypes.map(({ name }) => name).join(', ')}; see "digitlab help augmentations"`,
  ).argParser(parsed)

/** What the flags say of an experiment. */
export const augmentOf = ({ augment }: AugmentFlags): Pick<ExperimentInput, 'augment'> =>
  augment === undefined ? {} : { augment }
