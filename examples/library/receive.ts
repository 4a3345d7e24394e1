// A server that prints what it gets and keeps nothing: `node examples/library/receive.ts [PORT]`.
import { createServer, extensions, formatPath } from '../../src/index.ts'

const server = createServer({
  name: 'localhost',
  extensions: [extensions.pipelining(), extensions.size(10_000_000), extensions.enhancedStatusCodes()],
  sink: {
    open({ sender, recipients }) {
      const chunks: Uint8Array[] = []
      return {
        write(chunk) {
          chunks.push(chunk)
        },
        async *conclude() {
          const to = recipients.map(({ address }) => formatPath(address)).join(' ')
          console.log(`${formatPath(sender)} to ${to}\n${Buffer.concat(chunks).toString()}`)
          for (const index of recipients.keys()) yield { index, reply: { code: 250, status: '2.6.0', lines: ['Seen'] } }
        },
        async abort() {},
      }
    },
  },
})
try {
  const { address } = await server.listen({ host: '127.0.0.1', port: Number(process.argv[2] ?? 0) })
  console.log('port' in address ? address.port : address.path)
  process.once('SIGTERM', () => void server.close())
} catch (error) {
  // The port is in use, or none.
  console.error(`receive: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
