import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Above those that services have, below those that the system hands out by itself. */
const [LEAST, MOST] = [10_240, 32_000]

/** A port of 127.0.0.1 that nobody listens on now. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(LEAST, MOST)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
