const { readFile } = require('node:fs/promises')
const { decodeIdx } = require('@digitlab/idx')

readFile(process.argv[2])
  .then((bytes) => decodeIdx(bytes))
  .then(({ type, shape, data }) => console.log(JSON.stringify({ type, shape, data: [...data] })))
