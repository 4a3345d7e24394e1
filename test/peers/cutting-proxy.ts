import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Scene } from './scene.ts'

/** Stands between a client and a server, and cuts a connection once so much has come over it. */
export interface CuttingProxy {
  readonly port: number
  /** What the server said to MAIL under a name of its transaction, in order. */
  readonly offsets: readonly number[]
  /** Octets that clients have sent. */
  readonly octets: number
  /** Resolves when the next connection that brings so many octets is cut; it is cut when `first` is done. */
  cutAfter(octets: number, first: () => Promise<void>): Promise<void>
}

/** It listens on return. */
export const cuttingProxy = async (scene: Scene, port: number, to: () => number): Promise<CuttingProxy> => {
  const offsets: number[] = []
  const sockets = new Set<Socket>()
  let octets = 0
  let cut: { after: number; first: () => Promise<void>; done: () => void } | undefined
  const server: Server = createServer((client) => {
    const far = connect(to(), '127.0.0.1')
    const both = [client, far]
    const end = () => {
      for (const socket of both) socket.destroy()
    }
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    let count = 0
    client.on('data', (chunk) => {
      octets += chunk.length
      count += chunk.length
      if (cut === undefined || count < cut.after) {
        far.write(chunk)
        return
      }
      const { after, first, done } = cut
      cut = undefined
      client.pause().removeAllListeners('data')
      far.write(chunk.subarray(0, chunk.length - (count - after)), () => {
        void first().then(() => {
          end()
          done()
        })
      })
    })
    far.on('data', (chunk: Buffer) => {
      for (const [, offset] of chunk.toString('latin1').matchAll(/^355 (\d+)/gm)) offsets.push(Number(offset))
      client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  scene.atEnd(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port,
    offsets,
    get octets() {
      return octets
    },
    cutAfter: (after, first) =>
      new Promise((done) => {
        cut = { after, first, done }
      }),
  }
}
