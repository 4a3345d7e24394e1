import { refuse, reply } from '../mail/reply.ts'
import type { ClientFacet, Extension, Param, ServerFacet, Session } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'
import { type CheckpointNaming, Naming } from './checkpoint/naming.ts'
import type { CheckpointLimits, KeptPartials } from './checkpoint/partials.ts'
import { Upload } from './checkpoint/upload.ts'

/** RFC 1845 section 2 (4): no white space, controls, tspecials of RFC 1521, or dots. */
const ATOM = String.raw`[!#$%&'*+\-0-9A-Z^_\x60a-z{|}~]+`
const TOKEN = String.raw`${ATOM}(?:\.${ATOM})*`
const VALUE = new RegExp(`^<${TOKEN}@${TOKEN}>$`)
const MOST = 80

const TRANSID: Param<string> = {
  name: 'TRANSID',
  endsHere: true,
  // The RFC says 88, and forgets the space.
  maxOctets: 89,
  read: (text) =>
    text !== true && text.length <= MOST && VALUE.test(text)
      ? text
      : refuse(501, '5.5.4', 'Malformed TRANSID parameter'),
}

/** What tells that a client knows how its transaction ended (RFC 1845 section 3). */
const ENDS: ReadonlySet<string> = new Set(['RSET', 'QUIT', 'EHLO', 'HELO'])

export type { CheckpointLimits, CheckpointNaming, KeptPartials }

/** Absent: not on that side. */
export interface CheckpointSides {
  readonly server?: { readonly partials: KeptPartials; readonly limits: CheckpointLimits; now(): number }
  readonly client?: CheckpointNaming
}

/**
 * CHECKPOINT, RFC 1845: a message that broke off is gone on with where it ended, and one whose last reply was lost is not
 * kept twice. To be put behind extensions that change MAIL's parameters, and not where line ends are changed.
 */
export const checkpoint = ({ server, client }: CheckpointSides): Extension => ({
  keyword: 'CHECKPOINT',
  rfc: [1845],
  words: { relay: 'a large message that broke off goes on where it ended' },
  params: { MAIL: [TRANSID] },
  ...(server ? { server: serverSide(server) } : {}),
  ...(client ? { client: clientSide(new Naming(client)) } : {}),
})

const serverSide = ({ partials, limits, now }: NonNullable<CheckpointSides['server']>): ServerFacet => {
  const uploads = new WeakMap<Session, Upload>()
  return {
    async onVerb(verb, _args, session) {
      const upload = uploads.get(session)
      if (session.transaction) upload?.begin()
      if (!ENDS.has(verb)) return
      uploads.delete(session)
      await upload?.leave()
    },
    async onMail(sender, params, session) {
      // Asked outside of a transaction alone, whatever verb begins it.
      await uploads.get(session)?.leave()
      uploads.delete(session)
      const id = get(params, TRANSID)
      if (id === undefined) return
      const { TRANSID: _id, ...rest } = params
      const upload = new Upload(session, id, { sender, params: rest }, { partials, limits, now })
      uploads.set(session, upload)
      // Who has not waited to hear where it goes on sends all of it, and what was kept would come twice in one mail.
      if (session.ahead) return
      const found = await upload.find()
      return found && { reply: reply(355, '', `${found.offset} is the transaction offset`), resume: found.resume }
    },
    onBody: (total, transaction, session, chunk) => uploads.get(session)?.take(total, chunk, transaction),
    atEnd: (end, transaction, session) => uploads.get(session)?.end(end, transaction),
    ended: (session) => uploads.get(session)?.close(),
  }
}

const clientSide = (naming: Naming): ClientFacet => ({
  goesOn: ({ facts }) => naming.isFor(facts.octets),
  adds(mail, hop) {
    const id = naming.of(mail, hop)
    return id === undefined ? {} : { TRANSID: id }
  },
  onReply(verb, { code, lines }, { mail, hop }) {
    const id = naming.of(mail, hop)
    if (id === undefined) return undefined
    // Of a name that octets were sent under, all recipients must be known to have been taken: 355 means all.
    if (verb === 'RCPT' && code >= 400) return { begin: 'anew' }
    if (verb !== 'MAIL' || code !== 355) return undefined
    const unusable = () => naming.spoil(id, hop)
    const [, offset] = /^(\d{1,15})(?:[ \t]|$)/.exec(lines[0] ?? '') ?? []
    if (offset !== undefined) return { skipTo: Number(offset), unusable }
    unusable()
    return { begin: 'anew' }
  },
  awaits: ['MAIL', 'RCPT'],
})
