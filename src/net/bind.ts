import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { connect, isIP, type ListenOptions, type Server } from 'node:net'

/** Resolves when the server listens. Rejects with Node's error. */
export const bindPort = (server: Server, host: string, port: number): Promise<void> =>
  bind(server, { host, port, ipv6Only: isIP(host) === 6 })

/** A socket that a dead process left at the path is removed; anything else that is there stays, and is an error. */
export const bindPath = async (server: Server, path: string, mode: number): Promise<void> => {
  try {
    await bind(server, { path })
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE') || !(await isDeserted(path))) throw error
    await unlink(path)
    await bind(server, { path })
  }
  try {
    // At once, for connections arrive from now on.
    chmodSync(path, mode)
  } catch (error) {
    server.close()
    throw error
  }
}

const bind = async (server: Server, options: ListenOptions): Promise<void> => {
  server.listen(options)
  await once(server, 'listening')
}

const isDeserted = async (path: string): Promise<boolean> => {
  // Connecting to an ordinary file is refused as well.
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSocket()) return false
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return hasCode(error, 'ECONNREFUSED')
  } finally {
    socket.destroy()
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
