import * as extensions from '../../src/extensions/index.ts'
import { refuse, reply } from '../../src/mail/reply.ts'
import type { Listener } from '../../src/net/listener.ts'
import { createServer } from '../../src/smtp/create-server.ts'
import type { Sink } from '../../src/smtp/sink.ts'

/** The host that takes what is relayed. It knows everybody but `nobody`. */
export interface Host {
  readonly port: number
  /** The bodies taken for an address, line ends LF, without the trace field on top. */
  taken(address: string): readonly string[]
  /** All of them. */
  all(): readonly string[]
  forget(): void
  /** Resolves when nobody is connected. */
  quiet(): Promise<void>
  close(): Promise<void>
}

const TRACE = /^Received: .*\r\n(?:[ \t].*\r\n)*/

/** On a port of its own, or on one that is known already. */
export const makeHost = async (port = 0): Promise<Host> => {
  let mail: { readonly to: readonly string[]; readonly body: string }[] = []
  const sink: Sink = {
    rcpt({ address }) {
      if (address.local === 'nobody') refuse(550, '5.1.1', 'No such mailbox')
    },
    open({ recipients }) {
      const chunks: Uint8Array[] = []
      return {
        write: (chunk) => void chunks.push(Uint8Array.from(chunk)),
        async *conclude() {
          const body = Buffer.concat(chunks).toString('latin1').replace(TRACE, '').replaceAll('\r\n', '\n')
          mail.push({ to: recipients.map(({ address }) => `${address.local}@${address.domain}`), body })
          for (const index of recipients.keys()) yield { index, reply: reply(250, '2.6.0', 'Taken') }
        },
        async abort() {},
      }
    },
  }
  const server = createServer({
    name: 'elsewhere.test',
    sink,
    extensions: [extensions.pipelining(), extensions.eightBitMime(), extensions.enhancedStatusCodes()],
  })
  const listener: Listener = await server.listen({ host: '127.0.0.1', port })
  return {
    port: 'port' in listener.address ? listener.address.port : 0,
    taken: (address) => mail.filter(({ to }) => to.includes(address)).map(({ body }) => body),
    all: () => mail.map(({ body }) => body),
    forget() {
      mail = []
    },
    async quiet() {
      while (listener.connections > 0) await new Promise((resolve) => setImmediate(resolve))
    },
    close: () => server.close(),
  }
}
