import type { AuthClient, LoginEvent } from '../../src/extensions/index.ts'
import type { ClientMechanism } from '../../src/sasl/client-mechanism.ts'
import { clientMechanisms } from '../../src/sasl/client-mechanisms.ts'
import { scramClient } from '../../src/sasl/scram-client.ts'

/** With the nonce of RFC 7677 section 3. */
const scram = scramClient('SCRAM-SHA-256', 'sha256', () => 'rOprNGfwEbeRWgbNEkqO')

const all: readonly ClientMechanism[] = clientMechanisms.map((one) => (one.name === scram.name ? scram : one))

/** Logs in as that RFC's user, by some mechanisms or all, at hosts whose names are not `open.test`. */
export const authClient = (
  names: readonly string[] = all.map(({ name }) => name),
  note: (event: LoginEvent) => void = () => {},
  password: string = 'pencil',
): AuthClient => ({
  login: ({ name }) =>
    name === 'open.test'
      ? undefined
      : { user: 'user', password, mechanisms: all.filter((one) => names.includes(one.name)) },
  note,
})

/** For hops at which nobody logs in. */
export const noLogin: AuthClient = { login: () => undefined, note: () => {} }
