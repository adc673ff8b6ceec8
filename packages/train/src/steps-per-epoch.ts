/** Steps of an epoch over `images`: the last one's batch may be smaller. */
export const stepsPerEpoch = (images: number, { batchSize }: { readonly batchSize: number }): number =>
  Math.ceil(images / batchSize)
