import '@tensorflow/tfjs-backend-cpu'
import { expectOn } from './boot'

expectOn('cpu')
