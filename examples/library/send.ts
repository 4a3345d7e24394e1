// Sends one message to the quickstart: `node examples/library/send.ts` while `npm start` runs.
import { connect, extensions, readAddress } from '../../src/index.ts'

const [host = '127.0.0.1', port = '2525', to = 'bob@example.test'] = process.argv.slice(2)

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
