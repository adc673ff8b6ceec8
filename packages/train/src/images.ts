// What a thread that prepares images runs.
export { serveImages } from './image-server'
