import { inspector } from '../mime/inspect.ts'
import type { SpooledMessage, SpooledRecipient } from '../spool/spool.ts'

/** A message of these chunks, one character per octet, as a spool would hand it out. */
export const mail = (chunks: readonly string[], more: Partial<SpooledMessage> = {}): SpooledMessage => {
  const parts = chunks.map((chunk) => Buffer.from(chunk, 'latin1'))
  const facts = inspector({ maxHeader: 65_536 })
  for (const part of parts) facts.write(part)
  return {
    id: '01K0000000AA001',
    sender: { local: 'sender', domain: 'else.test' },
    params: {},
    facts: facts.end().facts,
    origin: { listener: 'mx', peer: '127.0.0.1', helo: 'else.test', protocol: 'ESMTP', kind: 'MAIL' },
    schedule: {},
    accepted: 1_767_225_600_000,
    octets: parts.reduce((sum, part) => sum + part.length, 0),
    async *content() {
      yield* parts
    },
    ...more,
  }
}

/** Waiting recipients; their keys are neither dense nor from 0. */
export const recipients = (...addresses: string[]): readonly SpooledRecipient[] =>
  addresses.map((address, index) => {
    const [local = '', domain = ''] = address.split('@')
    return {
      address: { local, domain },
      params: {},
      key: 7 + 3 * index,
      ancestors: [],
      attempts: 0,
      lane: null,
      fate: { is: 'waiting', due: 0 },
      reported: [],
    }
  })

const HEADER = 'From: Sender <sender@else.test>\r\nSubject: contract\r\n\r\n'

/** Messages that carriers get wrong, and what a carrier must be able to do to take them; most need nothing. */
export const BODIES: Readonly<
  Record<string, { readonly chunks: readonly string[]; readonly needs?: 'eightBit' | 'nul' | 'longLines' }>
> = {
  'a plain one': { chunks: [`${HEADER}Hello.\r\n`] },
  'no octet at all': { chunks: [] },
  'an empty body': { chunks: [HEADER] },
  'a header without the line that ends it': { chunks: ['Subject: x\r\n'] },
  'no header': { chunks: ['\r\nHello.\r\n'] },
  'a last line without CRLF': { chunks: [`${HEADER}Hello.`] },
  'a last line that is a dot without CRLF': { chunks: [`${HEADER}Hello.\r\n.`] },
  'lines that begin with dots': { chunks: [`${HEADER}.\r\n..\r\n.x\r\n\r\n.\r\n.. y\r\n...`, '.\r\n'] },
  'empty lines at the end': { chunks: [`${HEADER}x\r\n\r\n\r\n`] },
  'lines that begin with From': {
    chunks: [`${HEADER}From x\r\n>From y\r\n>>From z\r\nFrom\r\n> From\r\n From \r\n`, '>', '>Fr', 'om ', '\r\nFrom'],
  },
  'chunks of one octet': { chunks: [...`${HEADER}a\r\n.\r\n\r\nFrom b\r\n>From c\r\n.`] },
  'borders within CRLF, and empty chunks': { chunks: ['', `${HEADER}a\r`, '', '\nb\r', '\n', '', '.\r', '\n'] },
  'octets above 127': { chunks: [`${HEADER}\xe9\xff\x80\xa0\r\n`], needs: 'eightBit' },
  'octets NUL and other controls': { chunks: [`${HEADER}a\0b\x01\x7f\x1a\x0c\r\n`], needs: 'nul' },
  'a line of 5,000 octets': { chunks: [`${HEADER}${'x'.repeat(5000)}\r\n`], needs: 'longLines' },
  'a million octets': {
    chunks: [HEADER, ...Array.from({ length: 16 }, (_, i) => `${i} 3456789 1234567\r\n`.repeat(3450))],
  },
}
