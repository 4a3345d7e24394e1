import { type Reply, reply } from '../mail/reply.ts'
import type { Log } from '../observe/log.ts'
import type { ConversionTarget } from '../smtp/extension.ts'
import { type Convert, convertedFields, type Scope } from '../smtp/relay-mail.ts'
import type { SpooledMessage } from '../spool/spool.ts'
import { asConvertible } from './convertible.ts'

export interface TextOptions {
  /** The transport's. */
  readonly name: string
  readonly log: Log
  readonly convert?: Convert
}

/** What a file of lines holds: octets above 127, also in header fields, and lines of any length. */
const TEXT: ConversionTarget = { encoding: '8bit', maxLine: Number.POSITIVE_INFINITY, header: 'raw' }

const BINARY = reply(554, '5.6.3', 'The message is binary, and a mailbox cannot keep it so')

/**
 * A message as a mailbox can keep it: binary parts are encoded (RFC 3030 section 3), for NUL ends a text and a CR or LF
 * alone could be a line end; all else stays octet for octet. A Reply: why it cannot be. Rejects with the signal's reason.
 */
export const asText = async (
  message: SpooledMessage,
  { name, log, convert }: TextOptions,
  signal: AbortSignal,
  scope: Scope,
): Promise<Reply | Pick<SpooledMessage, 'content'>> => {
  if (message.facts.encoding !== 'binary') return message
  if (convert === undefined) return BINARY
  const given = { ...asConvertible(message), content: () => until(signal, message.content()) }
  const converted = await convert(TEXT, given, scope)
  if ('code' in converted) return converted
  const done = { ...converted, of: message.facts, to: TEXT }
  log.event('info', 'converted', convertedFields(message.id, { transport: name }, done))
  return converted
}

async function* until(signal: AbortSignal, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of content) {
    signal.throwIfAborted()
    yield chunk
  }
}
