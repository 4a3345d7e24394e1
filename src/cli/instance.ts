import type { Reloaded, Status } from '../app/mta.ts'
import { spanText } from './columns.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, printable } from './io.ts'
import { running } from './running.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const statusUsage: Usage = {
  name: 'status',
  line: 'smail status [--config FILE] [--json]',
  does: 'Says how the running instance is: where it listens, what it has open, what waits. Exit code 69: nothing runs.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const reloadUsage: Usage = {
  name: 'reload',
  line: 'smail reload [--config FILE] [--json]',
  does: 'Has the running instance read its settings anew. When they are wrong, the old ones stay: exit code 78.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const drainUsage: Usage = {
  name: 'drain',
  line: 'smail drain [--config FILE]',
  does: 'Has the running instance take nothing new, finish what is under way, and end. Waits until it has.',
  options: { config: CONFIG },
}

export const stopUsage: Usage = {
  name: 'stop',
  line: 'smail stop [--now] [--config FILE]',
  does: 'Ends the running instance as `drain` does. Waits until it has ended.',
  options: {
    now: { type: 'boolean', does: 'drop what is under way; what was accepted stays in the spool' },
    config: CONFIG,
  },
}

export const status = async (given: Given, io: Io): Promise<number> => {
  noWords(given, statusUsage)
  const client = await running(given.text('config'), io, true)
  try {
    const found = (await client.call({ do: 'status' })) as Status
    await print(io, given.has('json') ? `${JSON.stringify(found)}\n` : statusText(found))
    return EXIT.ok
  } finally {
    client.close()
  }
}

export const reload = async (given: Given, io: Io): Promise<number> => {
  noWords(given, reloadUsage)
  const client = await running(given.text('config'), io)
  try {
    const reloaded = (await client.call({ do: 'reload' })) as Reloaded
    if (given.has('json')) await print(io, `${JSON.stringify(reloaded)}\n`)
    else if (reloaded.restartNeeded.length === 0) await print(io, 'reloaded\n')
    else await print(io, `reloaded; restart needed for ${reloaded.restartNeeded.join(', ')}\n`)
    return EXIT.ok
  } finally {
    client.close()
  }
}

export const stop = async (given: Given, io: Io): Promise<number> => {
  noWords(given, stopUsage)
  const client = await running(given.text('config'), io)
  try {
    await client.call({ do: 'stop', now: given.has('now') })
    await client.gone()
    return EXIT.ok
  } finally {
    client.close()
  }
}

export const drain = (given: Given, io: Io): Promise<number> => stop({ ...given, has: () => false }, io)

const noWords = (given: Given, usage: Usage): void => {
  if (given.words.length > 0) throw new Exit(EXIT.usage, `usage: ${usage.line}`)
}

const statusText = ({ state, hostname, pid, uptime, listeners, sessions, queue }: Status): string =>
  [
    `${hostname} is ${state}, process ${pid}, for ${spanText(uptime)}\n`,
    ...listeners.map(({ name, protocol, address }) => `${printable(name)}: ${protocol} on ${printable(address)}\n`),
    `${sessions} ${sessions === 1 ? 'session' : 'sessions'}\n`,
    `${queue.messages} ${queue.messages === 1 ? 'message' : 'messages'}; recipients: `,
    `${queue.waiting} waiting, ${queue.held} held, ${queue.parked} parked\n`,
  ].join('')
