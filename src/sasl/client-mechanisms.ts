import { createHmac } from 'node:crypto'
import { type ClientMechanism, inTurn } from './client-mechanism.ts'
import { scramClient } from './scram-client.ts'

/** RFC 4616. */
const plain: ClientMechanism = {
  name: 'PLAIN',
  begin: ({ user, password }) => inTurn([], Buffer.from(`\0${user}\0${password}`)),
}

/** Never a standard, and all that some hosts have. What they ask is not looked at: no two word it alike. */
const login: ClientMechanism = {
  name: 'LOGIN',
  begin: ({ user, password }) => inTurn([() => Buffer.from(user), () => Buffer.from(password)]),
}

/** RFC 2195. */
const cramMd5: ClientMechanism = {
  name: 'CRAM-MD5',
  begin: ({ user, password }) =>
    inTurn([(challenge) => Buffer.from(`${user} ${createHmac('md5', password).update(challenge).digest('hex')}`)]),
}

/** The strongest first. */
export const clientMechanisms: readonly ClientMechanism[] = [
  scramClient('SCRAM-SHA-256', 'sha256'),
  scramClient('SCRAM-SHA-1', 'sha1'),
  cramMd5,
  plain,
  login,
]
