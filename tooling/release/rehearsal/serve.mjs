// @ts-check
// Verdaccio in a process of its own, which ends with the one that started it, however that ends.
import { runServer } from 'verdaccio'

process.on('disconnect', () => process.exit())
process.on('SIGINT', () => undefined) // Ctrl-C reaches the whole group: the parent says when
const server = await runServer(JSON.parse(process.argv[2] ?? ''))
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }))
