// The numbers of onnx.proto's fields and types that are written or read here (ONNX 1.12).

export const field = {
  model: { irVersion: 1, producer: 2, graph: 7, opsetImport: 8, metadata: 14 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5 },
  attribute: { name: 1, f: 2, i: 3, t: 5, ints: 8, type: 20 },
  tensor: {
    dims: 1,
    dataType: 2,
    floatData: 4,
    name: 8,
    rawData: 9,
    doubleData: 10,
    externalData: 13,
    dataLocation: 14,
  },
} as const

export const elementType = { float32: 1, uint8: 2, int64: 7, float16: 10, float64: 11, bfloat16: 16 } as const

export const attributeType = { float: 1, int: 2, tensor: 4, ints: 7 } as const
