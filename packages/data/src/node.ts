export { datasetInfo, fetchDataset, verifyDataset, type DatasetInfo, type Fetched, type Verified } from './cache'
export type { DownloadProgress } from './download'
export { cacheFolder, loadDataset, type LoadOptions } from './load'
