import { type Address, addressKey, readAddress } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import { domainKey } from '../mail/idna.ts'
import type { Fate, ListMatch, MessageId } from './spool.ts'

/** What is compared: `ListMatch` with every spelling of an address made one. The empty reverse-path is an empty text. */
export interface Sought {
  readonly id?: MessageId
  readonly sender?: string
  readonly recipient?: string
  readonly domain?: string
  readonly fate?: Fate['is']
}

/** One text for all spellings of a mailbox; empty for `<>`. */
export const pathKey = (path: ReversePath): string => (path === null ? '' : addressKey(path))

/** A mailbox as a person types it; what is none is compared as it stands, and meets nothing. */
const typed = (text: string): string => {
  const bare = text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text
  try {
    return addressKey(readAddress(bare))
  } catch {
    return bare
  }
}

export const sought = (match: ListMatch): Sought => ({
  ...match,
  ...(match.sender === undefined ? {} : { sender: typed(match.sender) }),
  ...(match.recipient === undefined ? {} : { recipient: typed(match.recipient) }),
  ...(match.domain === undefined ? {} : { domain: domainKey(match.domain) }),
})

export const meetsMessage = (by: Sought, message: { readonly id: MessageId; readonly sender: ReversePath }): boolean =>
  (by.id === undefined || by.id === message.id) && (by.sender === undefined || by.sender === pathKey(message.sender))

/** `seen`: its fate as operators see it. */
export const meetsRecipient = (by: Sought, one: { readonly address: Address }, seen: Fate['is']): boolean =>
  (by.recipient === undefined || by.recipient === addressKey(one.address)) &&
  (by.domain === undefined || by.domain === domainKey(one.address.domain)) &&
  (by.fate === undefined || by.fate === seen)
