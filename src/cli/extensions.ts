import { NotRunning } from '../app/control-client.ts'
import type { ExtensionRow } from '../app/mta.ts'
import { table } from './columns.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, widthOf } from './io.ts'
import { running } from './running.ts'
import { withMta } from './settled.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const extensionsUsage: Usage = {
  name: 'extensions',
  line: 'smail extensions [--config FILE] [--json]',
  does:
    'Lists the SMTP extensions: what a relay does with each, and for each listener whether it is offered, or why not.\n' +
    '`silent`: it is there and never announced. Folded to the width of a terminal, or that COLUMNS says. --json also tells on\n' +
    'which side each is there.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const extensions = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length > 0) throw new Exit(EXIT.usage, `usage: ${extensionsUsage.line}`)
  const rows = await rowsOf(given.text('config'), io)
  await print(io, given.has('json') ? `${JSON.stringify(rows)}\n` : extensionsText(rows, widthOf(io)))
  return EXIT.ok
}

const rowsOf = async (file: string | undefined, io: Io): Promise<readonly ExtensionRow[]> => {
  if (file === undefined) {
    try {
      const client = await running(undefined, io)
      try {
        return (await client.call({ do: 'extensions' })) as readonly ExtensionRow[]
      } finally {
        client.close()
      }
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error
    }
  }
  return withMta(file, io, async (mta) => mta.extensions())
}

const extensionsText = (rows: readonly ExtensionRow[], width: number | undefined): string =>
  table(
    [
      ['KEYWORD', 'RFC', 'RELAY', 'LISTENERS'],
      ...rows.map(({ keyword, rfc, relay, listeners, protocols }) => [
        keyword,
        rfc.join(' '),
        relay,
        Object.entries(listeners)
          .map(([name, state]) => `${name} (${protocols[name]}): ${state}`)
          .join(',\n'),
      ]),
    ],
    width,
  )
