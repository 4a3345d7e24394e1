import type { QueueRow } from '../app/control-rows.ts'
import { systemClock } from '../observe/clock.ts'
import { sizeText } from './columns.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { rowText } from './queue-text.ts'
import { exitOf } from './reach.ts'
import { running } from './running.ts'
import { HELP, readArguments } from './sendmail-arguments.ts'

/** mailq(1): what the running instance still has. It takes the options of sendmail, as its name does elsewhere. */
export const mailq = async (argv: readonly string[], io: Io): Promise<number> => {
  try {
    const { mode, recipients, config } = readArguments(argv, 'list')
    if (mode === 'help') {
      await print(io, HELP)
      return EXIT.ok
    }
    if (mode !== 'list' || recipients.length > 0) {
      throw new Exit(EXIT.usage, 'usage: mailq [--config FILE]')
    }
    await listQueue(config, io)
    return EXIT.ok
  } catch (error) {
    const { code, message } = exitOf(error)
    complain(io, `mailq: ${message}`)
    return code
  }
}

/** Prints what waits in the instance that runs by these settings, or in the one of whoever asks. */
export const listQueue = async (config: string | undefined, io: Io): Promise<void> => {
  const client = await running(config, io)
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
}
