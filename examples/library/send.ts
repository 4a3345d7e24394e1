// Sends one message to the quickstart: `node examples/library/send.ts` while `npm start` runs.
import { connect, extensions, readAddress } from '../../src/index.ts'

const [host = '127.0.0.1', port = '2525', to = 'bob@example.test'] = process.argv.slice(2)

try {
  const client = await connect(
    { host, port: Number(port) },
    {
      name: 'my.example',
      extensions: [extensions.pipelining(), extensions.chunking(), extensions.enhancedStatusCodes()],
    },
  )
  const said = await client.send({
    sender: readAddress('me@my.example'),
    recipients: [{ address: readAddress(to) }],
    body: Buffer.from('Subject: hello\r\n\r\nIt works.\r\n'),
  })
  for (const { code, lines } of said) console.log(code, lines.join(' '))
  await client.quit()
  if (said.some(({ code }) => code >= 400)) process.exitCode = 1
} catch (error) {
  // Nobody listens, the server will not have us, the address is none: its message says which.
  console.error(`send: ${host} port ${port}: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
