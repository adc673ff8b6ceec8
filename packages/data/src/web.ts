export { datasetFromFileList, type FileListOptions } from './file-list'
export { parseServedDatasets, type ServedDataset } from './served'
export type { DownloadProgress } from './transfer'
export { loadDataset, type WebDatasetName, type WebLoadOptions } from './web-load'
