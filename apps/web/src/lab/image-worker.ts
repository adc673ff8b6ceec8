// A worker that prepares the changed images of a training, of which there may be several.
import { serveImages } from '@digitlab/train/images'

serveImages()
