const STRUCK = '[...]'
const WORD = /[A-Za-z0-9+/=]{6,}/g

/** Of a shorter secret, its letters and digits stand in many a text that knows nothing of it. */
const LEAST = 5

/**
 * What a peer said, without the secrets that it was told: each of them, whole or a word that is a part of one, for a peer may
 * repeat the beginning of what it heard. Where one shows through in another form (case, spacing, lines, hexadecimal)
 * nothing of it all is left.
 */
export const strike = (secrets: Iterable<string>, lines: readonly string[]): readonly string[] => {
  const some = [...secrets].filter((secret) => secret !== '')
  if (some.length === 0) return lines
  const struck = lines.map((line) =>
    some
      .reduce((text, secret) => text.replaceAll(secret, STRUCK), line)
      .replace(WORD, (word) => (some.some((secret) => secret.includes(word)) ? STRUCK : word)),
  )
  const left = squeezed(struck.join(''))
  return some.some((secret) => showsIn(left, secret)) ? lines.map(() => STRUCK) : struck
}

const showsIn = (left: string, secret: string): boolean =>
  [squeezed(secret), Buffer.from(secret).toString('hex')].some((form) => form.length >= LEAST && left.includes(form))

const squeezed = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
