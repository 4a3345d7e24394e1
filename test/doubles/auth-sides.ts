import type { AuthServer } from '../../src/extensions/index.ts'
import { Credentials } from '../../src/sasl/credentials.ts'
import { NotProved, type ServerMechanism } from '../../src/sasl/mechanism.ts'
import type { PasswordTable } from '../../src/sasl/password-file.ts'
import { scramVerifier } from '../../src/sasl/scram.ts'
import { scram, serverMechanisms } from '../../src/sasl/server-mechanisms.ts'
import { Turns } from '../../src/sasl/turns.ts'

/** All have the password, the salt and the nonce of RFC 7677 section 3. */
const pencil = await scramVerifier('sha256', 'pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096)

const NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'

const everyone: PasswordTable = new Map(
  ['user', 'ann', 'jo@example.com', 'relay', 'büro'].map((name) => [name, [pencil]]),
)

const credentials = (passwords: () => Promise<PasswordTable>, turns = new Turns(2, 10)): Credentials =>
  new Credentials({ passwords, secret: () => Buffer.from('secret'), turns })

/** With more to do than it can. */
export const busy = (): ServerMechanism => serverMechanisms.PLAIN(credentials(async () => everyone, new Turns(0, 0)))

/** Begins itself, and believes whatever it is told. */
const toy: ServerMechanism = {
  name: 'X-TOY',
  first: 'server',
  async *verify() {
    const said = Buffer.from(yield Buffer.from('Who?')).toString()
    if (said === '') throw new NotProved('credentials', 'Nobody')
    return said
  },
}

/** What a server has in dialogues: `relay` may name others; mailboxes are at example.test. */
export const authServer = (changed: Partial<AuthServer> = {}, passwords = async () => everyone): AuthServer => {
  const known = credentials(passwords)
  return {
    mechanisms: [
      scram('SCRAM-SHA-256', known, () => NONCE),
      toy,
      serverMechanisms.PLAIN(known),
      serverMechanisms.LOGIN(known),
    ],
    mailboxOf(identity) {
      if (identity === 'büro') return undefined
      const [local = '', domain = 'example.test'] = identity.split('@')
      return { local, domain }
    },
    trusts: ({ identity }) => identity === 'relay',
    ...changed,
  }
}

/** Those of them that show the password. */
export const showing = (): readonly ServerMechanism[] =>
  authServer().mechanisms.filter(({ plaintext }) => plaintext === true)
