import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { program } from '../peers/installed.ts'

/** A part of a message, as `leaves.py` tells it. */
export interface OutsidePart {
  readonly place: string
  readonly type: string
  readonly charset: string
  readonly composite: boolean
  /** The file's. */
  readonly name: string | null
  readonly header: readonly (readonly [name: string, value: string])[]
  /** Digests; a composite has none. */
  readonly octets?: string
  readonly text?: string
}

const AT_STRAY_LINE = 'ends the header at the first line that is no field, and what is encoded there is text to it'
const IN_MESSAGES = 'looks for header fields in message/* of all kinds, without decoding it'

/** Messages in which Python differs, because it reads them otherwise than RFC 5322, 2045 and 2046 have it. */
export const MISREAD: ReadonlyMap<string, string> = new Map([
  ['broken-bare-cr-in-header', 'ends a header line at a CR alone'],
  ['broken-bare-lf-delimiters', 'finds delimiters between lines that end with LF alone'],
  ['broken-boundary-empty', 'takes `--` for a delimiter where the boundary is empty'],
  ['broken-boundary-open-quote', 'makes an open quote part of the boundary'],
  ['broken-line-in-header', AT_STRAY_LINE],
  ['broken-no-empty-line-8bit', AT_STRAY_LINE],
  ['header-address-utf8-domain', 'takes U-labels and A-labels of a domain for two domains'],
  ['header-name-latin1', AT_STRAY_LINE],
  ['header-obsolete-white-space-before-colon', 'takes a field name with a blank before the colon for no field'],
  ['multipart-no-parts', 'takes the preamble of a multipart without parts for its body'],
  ['report-8bit-in-delivery-status', IN_MESSAGES],
  ['report-global-delivery-status', IN_MESSAGES],
])

/** What Python finds in these files. */
export const readOutside = async (paths: readonly string[]): Promise<readonly (readonly OutsidePart[])[]> => {
  const child = spawn(program('python3'), [join(import.meta.dirname, 'leaves.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(paths.map((path) => `${path}\n`).join(''))
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`python3 ended with ${code}`)
  return JSON.parse(said)
}

/** What a conversion ought not to have changed, and did. */
export const differences = (before: readonly OutsidePart[], after: readonly OutsidePart[]): readonly string[] => {
  if (before.length !== after.length) return [`${before.length} parts became ${after.length}`]
  return before.flatMap((part, index) => {
    const other = after[index]
    if (other === undefined) return []
    const found: string[] = []
    const compare = (what: string, was: unknown, is: unknown) => {
      if (was !== is) found.push(`${what} at "${part.place}": ${was} became ${is}`)
    }
    for (const what of ['place', 'type', 'composite', 'name', 'octets', 'text'] as const)
      compare(what, part[what], other[what])
    const typed = part.header.some(([name]) => name.toLowerCase() === 'content-type')
    compare(
      'charset',
      typed ? part.charset : true,
      typed ? other.charset : /^None$|^us-ascii$|^unknown-8bit$/.test(other.charset),
    )
    compare('header', fields(part), fields(other, part))
    return found
  })
}

/** Fields that are to stay. `original`: without what this did not have. */
const fields = ({ header }: OutsidePart, original?: OutsidePart): string =>
  header
    .filter(([name]) => name.toLowerCase() !== 'content-transfer-encoding')
    .filter(([name]) => original === undefined || has(original, name))
    .map(([name, value]) => `${name}: ${/^content-(type|disposition)$/i.test(name) ? typeAlone(value) : value}`)
    .join('\n')

const has = ({ header }: OutsidePart, name: string): boolean =>
  header.some(([other]) => other.toLowerCase() === name.toLowerCase())

/** Parameters may be in another form; those that count are compared for themselves. */
const typeAlone = (value: string): string => value.replace(/;.*/s, '')
