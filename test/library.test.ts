import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, createServer, extensions, readAddress, refuse, type Sink } from '../src/index.ts'

const keep = (): Sink & { readonly bodies: string[] } => {
  const bodies: string[] = []
  return {
    bodies,
    rcpt({ address }) {
      if (address.local === 'nobody') refuse(550, '5.1.1', 'No such mailbox')
    },
    open(transaction) {
      let text = ''
      return {
        write(chunk) {
          text += Buffer.from(chunk).toString('latin1')
        },
        async *conclude() {
          bodies.push(text)
          for (const index of transaction.recipients.keys())
            yield { index, reply: { code: 250, status: '2.6.0', lines: ['Kept'] } }
        },
        async abort() {},
      }
    },
  }
}

const portOf = (address: { host: string; port: number } | { path: string }): number =>
  'port' in address ? address.port : 0

test('two servers in one process share nothing, and a client of ours sends to both', async () => {
  const [one, two] = [keep(), keep()]
  const servers = [
    createServer({
      name: 'one.example',
      sink: one,
      extensions: [extensions.pipelining(), extensions.chunking(), extensions.size(1000)],
    }),
    createServer({ name: 'two.example', sink: two }),
  ]
  const clients = []
  for (const server of servers) {
    const { address } = await server.listen({ host: '127.0.0.1', port: 0 })
    const client = await connect(
      { host: '127.0.0.1', port: portOf(address) },
      { name: 'client.example', extensions: [extensions.pipelining(), extensions.size(0), extensions.chunking()] },
    )
    clients.push(client)
    const said = await client.send({
      sender: readAddress('a@example.org'),
      recipients: [{ address: readAddress('b@example.org') }, { address: readAddress('nobody@example.org') }],
      body: Buffer.from('Subject: hi\r\n\r\n.dot\r\n'),
    })
    assert.deepEqual(
      said.map(({ code }) => code),
      [250, 550],
    )
  }
  assert.deepEqual(one.bodies, ['Subject: hi\r\n\r\n.dot\r\n'])
  assert.deepEqual(two.bodies, one.bodies)
  const tooBig = await clients[0]?.send({
    sender: null,
    recipients: [{ address: readAddress('b@example.org') }],
    body: Buffer.from('\r\nx\r\n'.repeat(201)),
  })
  assert.equal(tooBig?.[0]?.code, 552)
  // A client that says nothing does not keep the server open.
  await Promise.all(servers.map((server) => server.close()))
  for (const client of clients) await client.quit()
})

test('a server whose extensions cannot stand together is not made', () => {
  assert.throws(
    () => createServer({ name: 'x', sink: keep(), extensions: [extensions.dsn(), extensions.dsn()] }),
    /DSN is there twice/,
  )
})
