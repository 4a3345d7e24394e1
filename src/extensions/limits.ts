import type { Extension, Hop } from '../smtp/extension.ts'

/** By its registered name, which of the core's limits it is (RFC 9422 section 4). */
const NAMES = { MAILMAX: 'transactions', RCPTMAX: 'recipients', RCPTDOMAINMAX: 'domains' } as const

type Name = keyof typeof NAMES

const names = Object.keys(NAMES) as readonly Name[]

/** Section 3: a parameter with anything else in it is no parameter at all. */
const PARAMETER = /^([A-Za-z0-9_-]+)(?:=([!-:<-~]+))?$/

/** Section 4: no larger number can be told. */
const VALUE = /^[1-9]\d{0,5}$/

/** What of a session's limits can be told: one that is too large to be told, or is none, is left out. */
const announced = (limits: Readonly<Record<(typeof NAMES)[Name], number>>): readonly string[] =>
  names.flatMap((name) => {
    const value = String(limits[NAMES[name]])
    return VALUE.test(value) ? [`${name}=${value}`] : []
  })

const isName = (word: string): word is Name => Object.hasOwn(NAMES, word)

/** Section 3.7: what is no parameter spoils all, what is no value that limit alone; what nobody knows means nothing. */
const obey = (hop: Hop, args: readonly string[]): void => {
  const told: (readonly [Name, number])[] = []
  for (const arg of args) {
    const [whole, word = '', value = ''] = PARAMETER.exec(arg) ?? []
    if (whole === undefined) return
    const name = word.toUpperCase()
    if (isName(name) && VALUE.test(value)) told.push([name, Number(value)])
  }
  for (const [name, value] of told) hop.limits.set(NAMES[name], value)
}

/**
 * LIMITS, RFC 9422: what the server holds a session to, told before it is met. Announced is what the core enforces, and
 * nothing else; a client splits transactions and sessions so that it stays within.
 */
export const limits = (): Extension => ({
  keyword: 'LIMITS',
  rfc: [9422],
  words: { relay: 'obeyed: transactions are split, and connections changed' },
  server: {
    offer({ limits: held }) {
      const args = announced(held)
      return args.length > 0 ? args : undefined
    },
  },
  client: {
    offered: ({ hop }, args) => obey(hop, args),
  },
})
