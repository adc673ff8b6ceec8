// What each thread of --image-workers runs.
import { serveImages } from '@digitlab/train/images'

serveImages()
