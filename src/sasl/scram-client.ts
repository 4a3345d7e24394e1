import { randomBytes } from 'node:crypto'
import { BadChallenge, type ClientMechanism, inTurn } from './client-mechanism.ts'
import { clientProof, isServerSignature, type ScramHash, saltPassword } from './scram.ts'
import {
  authMessage,
  BadScram,
  clientFinalWithoutProof,
  readServerFinal,
  readServerFirst,
  writeClientFinal,
  writeClientFirst,
} from './scram-messages.ts'

/**
 * SCRAM as a client (RFC 5802, RFC 7677), without channel binding. It is over only when the server has shown that it knows
 * the password. `nonce`: printable ASCII without a comma, new each time.
 */
export const scramClient = (
  name: string,
  hash: ScramHash,
  nonce: () => string = () => randomBytes(24).toString('base64'),
): ClientMechanism => ({
  name,
  mutual: true,
  begin({ user, password }) {
    const first = writeClientFirst(user, nonce())
    let salted: Uint8Array
    let signed: string
    return inTurn(
      [
        async (challenge) => {
          const asked = read(() => readServerFirst(challenge, first.nonce))
          const withoutProof = clientFinalWithoutProof(first.gs2, asked.nonce)
          salted = await saltPassword(hash, password, asked.salt, asked.iterations)
          signed = authMessage(first, asked, withoutProof)
          return Buffer.from(writeClientFinal(withoutProof, clientProof(hash, salted, signed)))
        },
        (challenge) => {
          const final = read(() => readServerFinal(challenge))
          if ('error' in final) throw new BadChallenge(`It says ${final.error.replace(/[^ -~]/g, '?').slice(0, 100)}`)
          if (!isServerSignature(hash, salted, signed, final.signature))
            throw new BadChallenge('It does not know the password', true)
          return new Uint8Array()
        },
      ],
      Buffer.from(first.text),
    )
  },
})

const read = <T>(message: () => T): T => {
  try {
    return message()
  } catch (error) {
    throw error instanceof BadScram ? new BadChallenge(error.message) : error
  }
}
