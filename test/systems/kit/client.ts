import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where a server listens: `host:port` or `unix:/path`, as `smail status` says it. */
export type Where = string

/** Our end of a dialogue with a server: as plain as can be. One character per octet. */
export class Client {
  #socket: Socket
  #text = ''
  #ended = false
  #more: PromiseWithResolvers<void> = Promise.withResolvers()

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  /** `from` is the address of ours to come from. */
  static async open(where: Where, from: string): Promise<Client> {
    const [, path] = /^unix:(.*)$/.exec(where) ?? []
    const [, host = '', port] = /^(.*):(\d+)$/.exec(where) ?? []
    const socket = connect(path === undefined ? { host, port: Number(port), localAddress: from } : { path })
    await once(socket, 'connect')
    return new Client(socket)
  }

  #listen(socket: Socket): void {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
      this.#ring()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#ring()
    })
    socket.on('end', () => {
      this.#ended = true
      this.#ring()
    })
  }

  #ring(): void {
    this.#more.resolve()
    this.#more = Promise.withResolvers()
  }

  write(text: string): void {
    this.#socket.write(Buffer.from(text, 'latin1'))
  }

  /** The next line, without its CRLF; undefined when the server has closed the connection. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#ended) return undefined
      await this.#more.promise
    }
  }

  /** The last line of the next reply, the others before it. */
  async reply(): Promise<string> {
    for (let said = ''; ; ) {
      const line = await this.line()
      if (line === undefined) return `${said}(closed)`
      said += line
      if (/^\d{3} /.test(line)) return said
      said += '\n'
    }
  }

  /** The name in the server's certificate. */
  async startTls(): Promise<string> {
    const plain = this.#socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('end')
    const secured = connectTls({ socket: plain, rejectUnauthorized: false })
    await once(secured, 'secureConnect')
    this.#socket = secured
    this.#listen(secured)
    return String(secured.getPeerCertificate().subject.CN)
  }

  close(): void {
    this.#socket.destroy()
  }
}
