import { grouped, markdownTable, percent } from '@digitlab/report'
import { asPart, markedPart, writeMarkedPart } from '../packages/marked-part'
import { inputsOf, type Study } from './study'

const marks = ['study', 'npm run pictures'] as const

/** What the README says of the three models. */
const studyTable = (study: Study): string =>
  markdownTable(
    [
      { heading: 'model', align: 'left' },
      { heading: 'parameters', align: 'right' },
      { heading: 'test images right before training', align: 'right' },
      { heading: 'after 5 epochs', align: 'right' },
      { heading: 'test loss', align: 'right' },
    ],
    inputsOf(study).map(({ curves: { run, predictions } }) => {
      const { labels = [], before = [] } = predictions ?? {}
      const right = Array.from(labels).filter((label, i) => label === before[i]).length
      return [
        run.model.name,
        grouped(run.model.parameters),
        percent(right / labels.length),
        percent(run.metrics.accuracy),
        (run.metrics.meanLoss ?? NaN).toFixed(4),
      ]
    }),
  )

export const writeStudyTable = (study: Study, readme: string): Promise<void> =>
  writeMarkedPart(readme, ...marks, studyTable(study))

/** Whether the README has what these runs say. */
export const hasStudyTable = async (study: Study, text: string): Promise<boolean> =>
  markedPart(text, ...marks).part === (await asPart(studyTable(study)))
