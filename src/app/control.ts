import { chmod, lstat, mkdir, mkdtemp, rename, rm, unlink } from 'node:fs/promises'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { streamChannel } from '../net/stream-channel.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Fault } from './control-protocol.ts'
import { Room } from './control-room.ts'
import { type ControlActions, controlSession } from './control-session.ts'

export interface ControlOptions {
  readonly path: string
  readonly mode: number
  readonly actions: ControlActions
  readonly clock: Clock
  readonly log: Log
  /** Takes mail and nothing else. Node cannot tell who is at the other end: the socket's mode is all there is. */
  readonly everyone?: boolean
}

export interface ControlServer {
  /** Drops every connection and takes the socket away. */
  close(): Promise<void>
}

/** Clients at once. */
const MOST_CLIENTS = 100

const FULL: Fault = { kind: 'fault', message: 'too many clients at once; try again later' }

const turnAway = (socket: Socket): void => {
  socket.on('error', () => {}).write(`${JSON.stringify({ error: FULL })}\r\n`)
  socket.destroySoon()
}

const NOWHERE = { address: '', port: 0 }

/** Another instance answers on the socket. */
export class ControlTaken extends Error {
  override readonly name = 'ControlTaken'
  readonly code = 'taken'
}

/**
 * Listens on a UNIX socket and answers requests. What a dead instance left there is replaced; throws `ControlTaken` when
 * the other one lives, and an Error when something that is no socket is in the way.
 */
export const serveControl = async (options: ControlOptions): Promise<ControlServer> => {
  const { path, actions, clock, log, everyone = false } = options
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await demandNobody(path)
  const sockets = new Set<Socket>()
  const room = new Room(MOST_CLIENTS)
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const place = room.enter(socket)
    if (!place) return turnAway(socket)
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      place.leave()
    })
    const channel = streamChannel(socket, { peer: NOWHERE, local: NOWHERE, clock })
    void controlSession(channel, { actions, log, everyone, place })
  })
  server.on('error', (error) => log.event('error', 'control-socket-failed', { path, error: error.message }))
  await listenAt(server, path, options.mode)
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
      await unlink(path).catch(() => {})
    },
  }
}

/**
 * The socket is made in a folder of our own and moved to its place once it has its mode: nobody can connect in between,
 * and no other thread's files come to share an umask that was meant for it.
 */
const listenAt = async (server: Server, path: string, mode: number): Promise<void> => {
  const folder = await mkdtemp(join(dirname(path), '.s'))
  try {
    const made = join(folder, 's')
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(made, () => {
        server.off('error', reject)
        resolve()
      })
    })
    await chmod(made, mode)
    await rename(made, path)
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Throws `ControlTaken` when another instance listens there, and an Error when something that is no socket is in the way. */
export const demandNobody = async (path: string): Promise<void> => {
  const there = await lstat(path).catch(() => undefined)
  if (!there) return
  if (!there.isSocket()) throw new Error('is there and is no socket')
  if (await answers(path)) throw new ControlTaken(TAKEN)
}

const TAKEN =
  'another instance answers there; expected control: { socket: … } of its own, and drop: { directory: … } as well'

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' || error.code === 'EPERM'))
  })
