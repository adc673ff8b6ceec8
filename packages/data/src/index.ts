export { archivedNames, archivedSets, type ArchivedName, type ArchivedSet, type KnownFile } from './archives'
export { batches } from './batches'
export {
  catalogue,
  catalogueEntry,
  catalogueNames,
  type CatalogueEntry,
  type CatalogueFile,
  type CatalogueName,
} from './catalogue'
export { datasetChoices, datasetNames, type DatasetChoice, type DatasetName } from './choices'
export { DataError, type DataErrorCode } from './data-error'
export {
  datasetFromFiles,
  type DataFile,
  type Dataset,
  type DatasetFiles,
  type DatasetNames,
  type Split,
  type SplitStream,
} from './dataset'
export { isPlain, namesDataset, parsePreparedName, preparedName, type Preparation } from './preparation'
export type { DecodePicture } from './picture-pixels'
export { prepareKnown as prepareDataset } from './prepare'
export { bytesOfImage, inputShape, type ImageShape } from './image-shape'
export { imagesOf } from './images-of'
export { inspectDataset, type Inspection } from './inspect'
export { digitPicture, mnistForm, type DigitPicture } from './mnist-form'
export { pixelStatistics } from './pixel-statistics'
export type { StopSignal } from './platform'
export { sha256 } from './sha256'
export { strokes, type StrokesOptions } from './strokes'
