import { refuse } from '../mail/reply.ts'
import type { Extension } from '../smtp/extension.ts'
import { get, number } from '../smtp/param.ts'

const SIZE = number('SIZE', 20, { endsHere: true })

/** SIZE, RFC 1870: the client declares how big the message will be, and either side can give up before it is sent. */
export const size = (maxOctets: number): Extension => {
  const demand = (octets: number | bigint) => {
    if (octets > maxOctets) refuse(552, '5.3.4', `Message too big; at most ${maxOctets} octets are taken here`)
  }
  return {
    keyword: 'SIZE',
    rfc: [1870],
    words: { relay: 'the exact size is told; hops that take less are passed over (5.3.4)' },
    params: { MAIL: [SIZE] },
    server: {
      offer: () => [String(maxOctets)],
      onMail: (_sender, params) => demand(get(params, SIZE) ?? 0),
      onAnnounced: demand,
      onBody: demand,
    },
    client: {
      offered({ hop }, [limit]) {
        // 0 means no fixed limit, and nonsense means nothing (RFC 1870 section 3).
        if (limit !== undefined && /^\d{1,20}$/.test(limit) && Number(limit) > 0)
          hop.limits.set('octets', Number(limit))
      },
      adds: ({ facts }) => ({ SIZE: String(facts.octets) }),
    },
  }
}
