export { datasetInfo, fetchDataset, verifyDataset, type DatasetInfo, type Fetched, type Verified } from './cache'
export type { DataFile, Dataset, Split } from './dataset'
export type { DownloadOptions, DownloadProgress } from './download'
export { cacheFolder, loadDataset, type LoadOptions } from './load'
