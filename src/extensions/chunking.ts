import { Refusal, reply } from '../mail/reply.ts'
import type { Answer, BodySender, Extension, Session, Verb } from '../smtp/extension.ts'

const readArgs = (args: string): { octets: number; last: boolean } | undefined => {
  const [, digits, last] = /^(\d{1,15})( LAST)?$/i.exec(args) ?? []
  return digits === undefined ? undefined : { octets: Number(digits), last: last !== undefined }
}

// What follows is raw octets; once their count is unknown the dialogue cannot be put back in step.
const OUT_OF_STEP: Answer = {
  replies: [reply(501, '5.5.4', 'Syntax: BDAT octets [LAST]'), reply(421, '4.5.0', 'Out of step; goodbye')],
  after: { channel: 'close' },
}

/** The chunk's octets follow whatever the answer (RFC 3030 section 2), so they are read before it is given. */
const refuseChunk = async (args: string, session: Session): Promise<Answer> => {
  const chunk = readArgs(args)
  if (chunk === undefined) return OUT_OF_STEP
  await session.skip(chunk.octets)
  return reply(503, '5.5.1', 'BDAT is not in place here')
}

const BDAT: Verb = {
  phases: ['mail', 'rcpt', 'body'],
  batches: true,
  usage: 'BDAT octets [LAST]',
  outOfPhase: refuseChunk,
  async run(args, session) {
    const chunk = readArgs(args)
    if (chunk === undefined) return OUT_OF_STEP
    try {
      await session.append(session.take(chunk.octets), chunk.octets)
    } catch (error) {
      if (!(error instanceof Refusal) || !chunk.last) throw error
    }
    return chunk.last ? session.conclude() : reply(250, '2.0.0', `${chunk.octets} octets received`)
  },
}

const sendChunks =
  (most: number): BodySender =>
  async (body, wire) => {
    let held: Uint8Array[] = []
    let octets = 0
    const send = (last: boolean) => {
      wire.line(`BDAT ${octets}${last ? ' LAST' : ''}`)
      for (const piece of held) wire.raw(piece)
      held = []
      octets = 0
      return wire.flush()
    }
    for await (const piece of body) {
      if (octets > 0 && octets + piece.length > most) {
        await send(false)
        const answer = await wire.reply()
        // Some say 251 or 200 where RFC 3030 has 250; a 3yz fits nowhere, which is for the core to tell.
        if (answer.code >= 300) throw new Refusal(answer)
      }
      held.push(piece)
      octets += piece.length
    }
    await send(true)
  }

/**
 * CHUNKING, RFC 3030: the body comes in counted chunks, with neither dots nor line ends to look for. A body of more than
 * `chunkOctets` is sent in several, each answered before the next.
 */
export const chunking = (chunkOctets = 1_048_576): Extension => ({
  keyword: 'CHUNKING',
  rfc: [3030],
  server: { verbs: { BDAT } },
  client: {
    offered({ hop }) {
      hop.sendBody = sendChunks(chunkOctets)
    },
  },
})
