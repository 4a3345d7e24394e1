import type { QueueRow } from '../app/control-rows.ts'
import { systemClock } from '../observe/clock.ts'
import { sizeText } from './columns.ts'
import { controlPlaces } from './control-places.ts'
import { EXIT } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { rowText } from './queue-text.ts'
import { exitOf, reach } from './reach.ts'

/** mailq(1): what the running instance still has. Options of other mailqs are taken and mean nothing. */
export const mailq = async (_argv: readonly string[], io: Io): Promise<number> => {
  try {
    const client = await reach((await controlPlaces(io.env)).sockets)
    let messages = 0
    let octets = 0
    const now = systemClock().now()
    try {
      await client.call(
        { do: 'list', match: {} },
        {
          async each(item) {
            const row = item as QueueRow
            messages++
            octets += row.size
            await print(io, rowText(row, now))
          },
        },
      )
    } finally {
      client.close()
    }
    await print(
      io,
      messages === 0
        ? 'Mail queue is empty\n'
        : `-- ${sizeText(octets)} in ${messages} ${messages === 1 ? 'message' : 'messages'}\n`,
    )
    return EXIT.ok
  } catch (error) {
    const { code, message } = exitOf(error)
    complain(io, `mailq: ${message}`)
    return code
  }
}
