export { datasetInfo, fetchDataset, verifyDataset, type DatasetInfo, type Fetched, type Verified } from './cache'
export type { DownloadProgress } from './transfer'
export { cacheFolder, loadDataset, type LoadOptions } from './load'
export { findDatasets, type LocalDataset } from './find'
