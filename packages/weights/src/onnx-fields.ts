// The numbers of onnx.proto's fields and types that are written or read here (ONNX 1.12; float8 of 1.14).

export const field = {
  model: { irVersion: 1, producer: 2, graph: 7, opsetImport: 8, metadata: 14, functions: 25 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparse: 15 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, s: 4, t: 5, floats: 7, ints: 8, type: 20 },
  tensor: {
    dims: 1,
    dataType: 2,
    floatData: 4,
    int32Data: 5,
    int64Data: 7,
    name: 8,
    rawData: 9,
    doubleData: 10,
    externalData: 13,
    dataLocation: 14,
  },
  /** A graph's input or output, and what its type consists of. */
  value: { name: 1, type: 2, tensorType: 1, elementType: 1, shape: 2, dimension: 1, size: 1, symbol: 2 },
  /** StringStringEntryProto, and OperatorSetIdProto. */
  pair: { key: 1, value: 2 },
} as const

export const elementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const

export const attributeType = { float: 1, int: 2, tensor: 4, ints: 7 } as const
