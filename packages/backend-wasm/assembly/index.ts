// Everything the module exports. It owns no memory: it works in tfjs's, at addresses that it is given.
export { activation, activationGrad } from './activation'
export { gatherBatch, gatherNormalized } from './gather-batch'
export {
  columnSums,
  denseInputGrad,
  denseNarrow,
  denseRoom,
  denseTranspose,
  denseWide,
  denseZ,
  padRows,
  weightGradNarrow,
  weightGradWide,
  weightStepWide,
} from './dense'
export {
  convDirect,
  convDirectFilters,
  convDirectPlain,
  convDirectPlainRows,
  convDirectRoom,
  convDirectScratch,
  convRowsFilterBytes,
  convRowsFilterGrad,
  convRowsFilters,
  convRowsGradRoom,
  convRowsInputGrad,
  convSingle,
  convSingleGrad,
  convSingleGradRoom,
  convSingleRoom,
} from './conv-relu-pool'
export { convSparse, convSparseRoom } from './conv-relu-pool-sparse'
export { softmaxCrossEntropyRows, softmaxCrossEntropySummary } from './softmax-cross-entropy'
export {
  adadeltaStep,
  adagradStep,
  adamStep,
  averageWeights,
  clip,
  nadamStep,
  rmspropStep,
  sgdMomentumStep,
  sgdStep,
  sumOfSquares,
} from './optimizer-step'
export { addBias, matMul, matMulScratch } from './mat-mul'
export { convolution, convolutionScratch } from './convolution'
export { directConvolution, directFilterGrad, directScratch, turnFilter } from './direct-convolution'
export {
  singleConvolution,
  singleConvolutionRoom,
  singleFilterGrad,
  singleFilterGradRoom,
  singleShardsBytes,
  singleShardsSum,
} from './single-convolution'
export { maxPoolGrad } from './max-pool-grad'
export { averagePool, averagePoolGrad, maxPool } from './pool'
export { add, multiply } from './elementwise'
export { dropoutMask, dropoutScratch } from './dropout'
export { biasSums, columnPartials, columnPartialsBytes } from './column-sums'
export {
  batchNormDeviations,
  batchNormGrad,
  batchNormMeans,
  batchNormRoom,
  batchNormSums,
  batchNormValues,
  countBatch,
} from './batch-norm'
export { clearMemory } from './simd'
export { barrier, watch } from './barrier'
