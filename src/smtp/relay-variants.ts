import type { Log } from '../observe/log.ts'
import type { Extension, Hop, Variant } from './extension.ts'
import { versionOf } from './relay-edits.ts'
import { forSome, type RelayMail, type Scope, type Unsent } from './relay-mail.ts'
import { concerns } from './relay-params.ts'

export interface VaryOptions {
  readonly hop: Hop
  readonly used: ReadonlySet<Extension>
  readonly scope: Scope
  readonly log: Log
}

/** The mail as each recipient is to have it, as far as that is known, and those who get none. */
export const vary = async (
  mail: RelayMail,
  options: VaryOptions,
): Promise<{ readonly mails: readonly RelayMail[]; readonly unsent: readonly Unsent[] }> => {
  let mails: readonly RelayMail[] = [mail]
  const unsent: Unsent[] = []
  for (const extension of options.used) {
    if (!extension.client?.variants || !concerns(extension, mail)) continue
    const next: RelayMail[] = []
    for (const one of mails) {
      const sendable = { ...one, content: () => one.content(), defer: options.scope.defer.bind(options.scope) }
      const variants = await extension.client.variants(sendable, options.hop)
      const named = new Set(variants.flatMap(({ of }) => of))
      for (const variant of [
        ...variants,
        { of: one.recipients.map(({ key }) => key).filter((key) => !named.has(key)) },
      ]) {
        const made = apply(one, variant, options)
        next.push(...made.mails)
        unsent.push(...made.unsent)
      }
    }
    mails = next
  }
  return { mails, unsent }
}

const apply = (
  mail: RelayMail,
  { of, body, refuse }: Variant,
  { hop, log }: VaryOptions,
): { readonly mails: readonly RelayMail[]; readonly unsent: readonly Unsent[] } => {
  const recipients = mail.recipients.filter(({ key }) => of.includes(key))
  if (recipients.length === 0) return { mails: [], unsent: [] }
  if (refuse) return { mails: [], unsent: recipients.map((recipient) => ({ recipient, ...refuse })) }
  const theirs = forSome(mail, recipients)
  if (body === undefined) return { mails: [theirs], unsent: [] }
  const { name, facts, broken } = body
  const signatures = broken.length > 0 ? { 'broken-signatures': broken } : {}
  log.event('info', 'converted', { id: mail.id, hop: hop.name, to: name, ...signatures })
  // Made at another time it may not be the same octets, if only for the date that is in it.
  const version = versionOf(theirs, 'variant', name, String(mail.now))
  return { mails: [{ ...theirs, version, facts, variant: name, content: () => body.content() }], unsent: [] }
}
