import { isIP } from 'node:net'
import * as z from 'zod'
import { isDomain } from '../mail/address.ts'
import { domainKey } from '../mail/idna.ts'
import { clientMechanisms } from '../sasl/client-mechanisms.ts'
import { kind } from './kinds.ts'
import { list, path, text } from './leaves.ts'
import type { Places } from './place.ts'
import type { LoginSettings } from './settings.ts'

const MECHANISMS = clientMechanisms.map(({ name }) => name)

const LOGIN = 'a map with user and password'

const BY_HOST = 'a map of hosts'

const PASSWORDS = ['password', 'password-file', 'password-env'] as const

const user = text('a name', (given) => {
  if (given === '') throw new Error('is empty; expected a name')
  return given
})

/** Where somebody writes a password, or writes it by mistake, the fault does not repeat it. */
const unrepeated =
  (expected: string) =>
  ({ code, input }: { readonly code?: string; readonly input?: unknown }): string | undefined => {
    const kindOf = typeof input
    if (code !== 'invalid_type' || (kindOf !== 'string' && kindOf !== 'number' && kindOf !== 'boolean'))
      return undefined
    return `is ${kindOf === 'string' ? 'a text' : `a ${kindOf}`}; expected ${expected}`
  }

const secret = kind(z.string({ error: unrepeated('a text') }).min(1, 'is empty; expected a text'), { is: 'a text' })

const variable = text('a name of an environment variable', (given) => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(given)) throw new Error('is no name of an environment variable')
  return given
})

const mechanism = text(`one of ${MECHANISMS.join(', ')}`, (given) => {
  const upper = given.toUpperCase()
  if (!MECHANISMS.includes(upper)) throw new Error(`'${given}' is unknown; expected one of ${MECHANISMS.join(', ')}`)
  return upper
})

const block = (places: Places) =>
  z
    .strictObject(
      {
        user: user.describe('As whom we log in.'),
        password: kind(secret.optional(), { absent: 'none' }).describe(
          'The password, in a settings file that nobody else may read.',
        ),
        'password-file': kind(path(places).optional(), { absent: 'none' }).describe(
          'A file that nobody else may read; its first line is the password. Read at the start and at a reload.',
        ),
        'password-env': kind(variable.optional(), { absent: 'none' }).describe(
          'An environment variable that holds the password.',
        ),
        mechanisms: list(mechanism, 1)
          .default(MECHANISMS)
          .describe('Those that may be used; of those that a host offers the strongest is.'),
      },
      { error: unrepeated(LOGIN) },
    )
    .superRefine((given, context) => {
      const from = PASSWORDS.filter((one) => given[one] !== undefined)
      if (from.length !== 1) {
        const found = from.length === 0 ? 'has no password' : `has ${from.join(' and ')}`
        context.addIssue({ code: 'custom', message: `${found}; expected one of ${PASSWORDS.join(', ')}` })
      }
      if (given.password !== undefined && places.readByOthers) {
        const message = 'stands in a file that others may read; expected mode 0600 for it, or a password-file'
        context.addIssue({ code: 'custom', path: ['password'], message })
      }
    })
    .transform(
      ({ user, password, 'password-file': file, 'password-env': env = '', mechanisms }): LoginSettings => ({
        user,
        password: password !== undefined ? { text: password } : file !== undefined ? { file } : { env },
        mechanisms,
      }),
    )

const isHost = (given: string): boolean => isIP(given) !== 0 || isDomain(given)

/** How a transport proves to hosts who we are. */
export const loginSettings = (
  places: Places,
): {
  readonly login: z.ZodType<LoginSettings | undefined>
  readonly logins: z.ZodType<ReadonlyMap<string, LoginSettings>>
} => ({
  login: kind(block(places).optional(), { absent: 'nobody logs in', within: 'nobody logs in' }).describe(
    'Whom we are at every host that a smarthost or static router names with this transport (RFC 4954). What such a host ' +
      'refuses waits, and nothing is sent to it without. The password is said only under TLS with a certificate for the name, ' +
      'and without that only SCRAM is used, by which the host proves that it knows the password.',
  ),
  logins: kind(z.record(z.string().refine(isHost), block(places), { error: unrepeated(BY_HOST) }).default({}), {
    key: 'HOST',
    absent: 'nobody logs in',
  })
    .describe('Whom we are at hosts of these names; they win over `login`.')
    .transform((given) => new Map(Object.entries(given).map(([name, one]) => [domainKey(name), one] as const))),
})
