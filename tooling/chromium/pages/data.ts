// What data.test.ts calls in the page.
import { datasetFromFileList, loadDataset } from '@digitlab/data/web'

const api = { datasetFromFileList, loadDataset }
export type DataPage = typeof api

Object.assign(globalThis, { digitlab: api })
