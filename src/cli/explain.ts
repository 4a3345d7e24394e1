import { NotRunning } from '../app/control-client.ts'
import type { Explained } from '../app/mta.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, printable } from './io.ts'
import { running } from './running.ts'
import { withMta } from './settled.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const explainUsage: Usage = {
  name: 'explain',
  line: 'smail explain [--config FILE] [--json] ADDRESS…',
  does:
    'Says what would become of mail for an address, and which director or router decided. Asks the running instance\n' +
    'unless --config names other settings, or nothing runs.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const explain = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length === 0) throw new Exit(EXIT.usage, `usage: ${explainUsage.line}`)
  return asking(given.text('config'), io, async (ask) => {
    let code: number = EXIT.ok
    for (const address of given.words) {
      const explained = await ask(address)
      await print(io, given.has('json') ? `${JSON.stringify(explained)}\n` : explainedText(explained))
      if (explained.result === 'nobody' && code === EXIT.ok) code = EXIT.noUser
      if (explained.result === 'problem') code = EXIT.tempFail
    }
    return code
  })
}

const asking = async (
  file: string | undefined,
  io: Io,
  use: (ask: (address: string) => Promise<Explained>) => Promise<number>,
): Promise<number> => {
  if (file === undefined) {
    try {
      const client = await running(undefined, io)
      try {
        return await use(async (address) => (await client.call({ do: 'explain', address })) as Explained)
      } finally {
        client.close()
      }
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error
    }
  }
  return withMta(file, io, (mta) => use((address) => mta.explain(address).catch(badAddress)))
}

const badAddress = (error: Error): never => {
  throw error.name === 'BadAddress' ? new Exit(EXIT.dataError, error.message) : error
}

/** Each step a line, what follows from it indented. */
export const explainedText = (explained: Explained, depth = 0): string => {
  const { address, by, says, addresses = [] } = explained
  const line = `${'  '.repeat(depth)}${printable(address)}: ${printable(by)}: ${printable(says)}\n`
  return line + addresses.map((next) => explainedText(next, depth + 1)).join('')
}
