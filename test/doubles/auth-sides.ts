import type { AuthServer } from '../../src/extensions/index.ts'
import { NotProved, type ServerMechanism } from '../../src/sasl/mechanism.ts'

const nobody: ServerMechanism['verify'] = async function* () {
  yield new Uint8Array()
  throw new NotProved('credentials', 'Nobody is known here')
}

/** Shows the password to whoever listens. */
export const plainToy: ServerMechanism = { name: 'PLAIN', plaintext: true, first: 'client', verify: nobody }

/** What a server has in dialogues. */
export const authServer = (): AuthServer => ({
  mechanisms: [{ name: 'X-TOY', first: 'server', verify: nobody }, plainToy],
})
