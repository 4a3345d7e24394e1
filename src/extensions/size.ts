import type { Address } from '../mail/address.ts'
import { type Reply, refuse, reply } from '../mail/reply.ts'
import type { Extension } from '../smtp/extension.ts'
import { get, number } from '../smtp/param.ts'

const SIZE = number('SIZE', 20, { endsHere: true })

const NO_ROOM = reply(452, '4.3.1', 'There is no room for a message of that size just now')

/** What SIZE asks of the rest of the program, where there is somebody to ask. */
export interface Room {
  /** Whether a message of so many octets can be kept until it is delivered. */
  forMessage?(octets: number): Promise<boolean>
  /** Why one of so many octets does not go into a recipient's mailbox, 4yz or 5yz (RFC 1870 6.4); 0: nobody knows how many. */
  whyNotFor?(recipient: Address, octets: number): Promise<Reply | undefined>
}

/**
 * SIZE, RFC 1870: the client declares how big the message will be, and either side can give up before it is sent. What
 * was declared is believed only where it is refused: what comes is counted all the same. 0 octets: there is no fixed limit.
 */
export const size = (maxOctets = 0, room: Room = {}): Extension => {
  const demand = (octets: number | bigint) => {
    if (maxOctets > 0 && octets > maxOctets)
      refuse(552, '5.3.4', `Message too big; at most ${maxOctets} octets are taken here`)
  }
  return {
    keyword: 'SIZE',
    rfc: [1870],
    words: { relay: 'the exact size is told; hops that take less are passed over (5.3.4)' },
    params: { MAIL: [SIZE] },
    server: {
      offer: () => [String(maxOctets)],
      async onMail(_sender, params) {
        const octets = get(params, SIZE) ?? 0n
        demand(octets)
        return room.forMessage && !(await room.forMessage(Number(octets))) ? { reply: NO_ROOM } : undefined
      },
      async onRcpt({ address }, { params }) {
        const why = await room.whyNotFor?.(address, Number(get(params, SIZE) ?? 0n))
        return why && { reply: why }
      },
      onAnnounced: demand,
      onBody: demand,
    },
    client: {
      offered({ hop }, [limit]) {
        // 0 means no fixed limit, which is what a hop keeps of it; no number no information, and nonsense nothing (RFC 1870 section 3).
        if (limit !== undefined && /^\d{1,20}$/.test(limit)) hop.limits.set('octets', Number(limit))
      },
      adds: ({ facts }) => ({ SIZE: String(facts.octets) }),
    },
  }
}
