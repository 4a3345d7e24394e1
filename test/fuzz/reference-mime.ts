import { readContentType, readTransferEncoding } from '../../src/mime/content-type.ts'
import type { PartHead } from '../../src/mime/part-head.ts'

/** What a reader of MIME tells, pieces that belong together put together; octets as characters. */
export type Told =
  | readonly ['begins', depth: number]
  | readonly ['field', name: string, raw: string]
  | readonly ['head', raw: string, head: PartHead]
  | readonly ['body' | 'preamble' | 'delimiter' | 'epilogue', octets: string]
  | readonly ['ends']

interface Part {
  boundary?: string | undefined
  digest?: boolean
  readonly usual: string
}

/**
 * A message read line by line, the whole of it at hand: slow, and as close to the words of RFC 2046 5.1 as it gets. What
 * the fast reader has to agree with.
 */
export const readMimeSlowly = (message: string, maxDepth: number): Told[] => {
  const told: Told[] = []
  const parts: Part[] = []
  let where: 'header' | 'body' | 'preamble' | 'epilogue' = 'header'
  let fields: string[] = []
  // The line end that may belong to a delimiter.
  let held = ''

  const begin = (usual: string) => {
    told.push(['begins', parts.length])
    parts.push({ usual })
    where = 'header'
    fields = []
  }
  const endTo = (depth: number) => {
    while (parts.length > depth) {
      parts.pop()
      told.push(['ends'])
    }
  }
  const headerEnds = (raw: string): PartHead => {
    const depth = parts.length - 1
    const head = headOf(fields, parts[depth]?.usual ?? '', depth < maxDepth)
    for (const field of fields) told.push(['field', nameOf(field), field])
    told.push(['head', raw, head])
    return head
  }
  const give = (octets: string) => {
    if (octets === '' || where === 'header') return
    const last = told.at(-1)
    if (last?.[0] === where) told[told.length - 1] = [where, last[1] + octets]
    else told.push([where, octets])
  }

  begin('text/plain')
  for (const line of message.match(/.*?\r\n|.+$/gs) ?? []) {
    const bare = line.endsWith('\r\n') ? line.slice(0, -2) : line
    const delimiter = delimits(bare, parts)
    if (delimiter) {
      if (where === 'header') headerEnds('')
      endTo(delimiter.part + 1)
      told.push(['delimiter', held + line])
      const part = parts[delimiter.part]
      if (part && delimiter.closes) {
        part.boundary = undefined
        where = 'epilogue'
      } else begin(part?.digest ? 'message/rfc822' : 'text/plain')
      held = ''
    } else if (where !== 'header') {
      give(held + bare)
      held = line.slice(bare.length)
    } else if (line === '\r\n') {
      const head = headerEnds(line)
      const part = parts.at(-1)
      if (head.kind === 'message') begin('text/plain')
      else where = head.kind === 'multipart' ? 'preamble' : 'body'
      if (part && head.kind === 'multipart') {
        part.boundary = head.boundary
        part.digest = head.type === 'multipart/digest'
      }
    } else if (/^[ \t]/.test(line) && fields.length > 0) fields.push(`${fields.pop()}${line}`)
    else fields.push(line)
  }
  give(held)
  if (where === 'header') headerEnds('')
  endTo(0)
  return told
}

/** The innermost multipart that this line delimits; one that it opens a part of before one that it closes. */
const delimits = (line: string, parts: readonly Part[]): { part: number; closes: boolean } | undefined => {
  if (line.length > 4100) return undefined
  const text = line.replace(/(?<![ \t])[ \t]+$/, '')
  const opens = parts.findLastIndex(({ boundary }) => boundary !== undefined && text === `--${boundary}`)
  if (opens >= 0) return { part: opens, closes: false }
  const closes = parts.findLastIndex(({ boundary }) => boundary !== undefined && text === `--${boundary}--`)
  return closes < 0 ? undefined : { part: closes, closes: true }
}

const nameOf = (field: string): string => /^([!-9;-~]+)[ \t]*:/.exec(field.slice(0, 65_536))?.[1] ?? ''

const headOf = (fields: readonly string[], usual: string, mayOpen: boolean): PartHead => {
  const values = (name: string) =>
    fields
      .filter((field) => nameOf(field).toLowerCase() === name)
      .map((field) => field.slice(field.indexOf(':') + 1, 65_536))
  const [written] = values('content-type')
  const { type, parameters } =
    written === undefined ? { type: usual, parameters: new Map<string, string>() } : readContentType(written)
  const encodings = values('content-transfer-encoding').map(readTransferEncoding)
  const charset = parameters.get('charset')
  const boundary = parameters.get('boundary')?.replace(/(?<![ \t])[ \t]+$/, '')
  const multipart = type.startsWith('multipart/') && boundary && boundary.length <= 1000
  const plain = encodings.every((encoding) => ['', '7bit', '8bit', 'binary'].includes(encoding))
  const message = ['message/rfc822', 'message/global'].includes(type) && plain
  return {
    type,
    kind: !mayOpen ? 'leaf' : multipart ? 'multipart' : message ? 'message' : 'leaf',
    ...(multipart ? { boundary } : {}),
    encoding: encodings[0] ?? '',
    encodingConflict: new Set(encodings).size > 1,
    mime: fields.some((field) => /^(mime-version$|content-)/i.test(nameOf(field))),
    ...(charset === undefined ? {} : { charset }),
  }
}
