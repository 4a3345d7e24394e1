import { withHeader } from '../mime/edited-facts.ts'
import { applyEdits, type HeaderEdit, readHeader } from '../mime/fields.ts'
import type { RelayMail } from './relay-mail.ts'

/** No header that was accepted is larger. */
const MAX_HEADER = 1_048_576

/** The mail with its header edited, its facts exact. Reads the header only if something in it changes. */
export const editHeader = async (mail: RelayMail, edits: readonly HeaderEdit[]): Promise<RelayMail> => {
  if (edits.length === 0) return mail
  const { headerOctets } = mail.facts
  const onTop = edits.every((edit) => edit.field === 'add')
  const before = onTop ? new Uint8Array(0) : await first(headerOctets, mail.content())
  const after = applyEdits(readHeader(before), edits)
  const kept = onTop ? 0 : headerOctets
  return {
    ...mail,
    version: versionOf(mail, 'edited', JSON.stringify(edits)),
    facts: withHeader(mail.facts, after, kept),
    async *content() {
      yield after
      yield* skip(kept, mail.content())
    },
  }
}

/** The mail with these fields on top, octet for octet. */
export const putOnTop = (mail: RelayMail, fields: Uint8Array): RelayMail => ({
  ...mail,
  version: versionOf(mail, 'topped', Buffer.from(fields).toString('base64')),
  facts: withHeader(mail.facts, fields, 0),
  async *content() {
    yield fields
    yield* mail.content()
  },
})

/** Of a mail that something more was done to. */
export const versionOf = ({ version = '' }: Pick<RelayMail, 'version'>, ...done: readonly string[]): string =>
  JSON.stringify([version, ...done])

const first = async (octets: number, content: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  if (octets > MAX_HEADER) throw new Error(`A header of ${octets} octets is not edited`)
  const pieces: Uint8Array[] = []
  let left = octets
  if (left > 0) {
    for await (const chunk of content) {
      pieces.push(chunk.subarray(0, left))
      left -= Math.min(left, chunk.length)
      if (left === 0) break
    }
  }
  return Buffer.concat(pieces)
}

/** All but the first octets. */
export async function* skip(octets: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let left = octets
  for await (const chunk of content) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left)
    left -= Math.min(left, chunk.length)
  }
}
