import { ControlFault, NotRunning } from '../app/control-client.ts'
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
    'unless --config names other settings, or nothing runs. Exit code 0: mail for every address would be accepted; 1: for one\n' +
    'of them it would be refused, for now or for good; 78: the settings are wrong.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const explain = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length === 0) throw new Exit(EXIT.usage, `usage: ${explainUsage.line}`)
  const verdict = await explainAll(given.words, given.text('config'), given.has('json'), io)
  return verdict === 'accepted' ? EXIT.ok : EXIT.refused
}

/** `unsure`: one of them cannot be looked up, or is parked for a fault of ours; mail for it would be refused for now. */
export type Verdict = 'accepted' | 'refused' | 'unsure'

/** Prints what would become of mail for each address; the worst of it. */
export const explainAll = async (
  addresses: readonly string[],
  file: string | undefined,
  json: boolean,
  io: Io,
): Promise<Verdict> =>
  asking(file, io, async (ask) => {
    let worst: Verdict = 'accepted'
    for (const address of addresses) {
      const explained = await ask(address).catch((error: unknown) => noAddress(address, error))
      await print(io, json ? `${JSON.stringify(explained)}\n` : explainedText(explained))
      const verdict = verdictOn(explained)
      if (verdict === 'unsure' || worst === 'accepted') worst = verdict
    }
    return worst
  })

/** As RCPT judges: an alias for one address is as good as that address, a list is taken whatever is on it. */
const verdictOn = (explained: Explained): Verdict => {
  const { result, addresses: [only, ...more] = [] } = explained
  if (result === 'problem') return 'unsure'
  if (result === 'nobody') return 'refused'
  return only !== undefined && more.length === 0 && verdictOn(only) === 'refused' ? 'refused' : 'accepted'
}

const noAddress = (address: string, error: unknown): Explained => {
  const { name, message } = error as Error
  if (name !== 'BadAddress' && !(error instanceof ControlFault && error.fault.kind === 'usage')) throw error
  const why = message.startsWith(`${address}: `) ? message.slice(address.length + 2) : message
  return { address, by: 'address', result: 'nobody', says: `refused: ${why}` }
}

const asking = async <T>(
  file: string | undefined,
  io: Io,
  use: (ask: (address: string) => Promise<Explained>) => Promise<T>,
): Promise<T> => {
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
  return withMta(file, io, (mta) => use((address) => mta.explain(address)))
}

/** Each step a line, what follows from it indented. */
export const explainedText = (explained: Explained, depth = 0): string => {
  const { address, by, says, addresses = [] } = explained
  const line = `${'  '.repeat(depth)}${printable(address)}: ${printable(by)}: ${printable(says)}\n`
  return line + addresses.map((next) => explainedText(next, depth + 1)).join('')
}
