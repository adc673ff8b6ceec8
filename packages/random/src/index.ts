export { bernoulli } from './bernoulli'
export { MersenneTwister, type MersenneTwisterState } from './mersenne-twister'
export { dataLoaderOrder, randperm } from './permutation'
export { fusedMultiplyAdd, uniform } from './uniform'
