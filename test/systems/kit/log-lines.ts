import type { Event } from './system.ts'

/** What a terminal or a reader of lines would take for a command. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\n./

/** What no log may tell: what people write, and what they prove themselves with. */
export const SECRETS: readonly string[] = ['BEGIN PRIVATE KEY', 'Good morning.', 'c2VjcmV0', 'opensesame']

/** Why a line may not stand in a log; undefined: it may. */
export const faultOf = (line: string): string | undefined => {
  // The pretty log has colours of its own.
  const plain = line.replace(/\x1b\[\d+m/g, '')
  const secret = SECRETS.find((one) => plain.includes(one))
  if (secret !== undefined) return `tells '${secret}': ${line}`
  return CONTROL.test(plain) ? `holds control characters: ${JSON.stringify(line)}` : undefined
}

const BEGINNINGS: readonly unknown[] = ['accepted', 'received', 'reported', 'forked']
const FATES: readonly unknown[] = ['delivered', 'failed', 'expanded', 'parked', 'deferred', 'refused']

/** What `smail queue trace` knows of a message. */
export type Trace = (id: string) => Promise<readonly { readonly text: string }[]>

/**
 * What is wrong with the ids of a log: each is heard of first when the message is taken or comes from another, as its
 * trace says, too, and is heard of again when something has become of it.
 */
export const strayIds = async (events: readonly Event[], trace: Trace): Promise<readonly string[]> => {
  const faults: string[] = []
  const ids = new Set(events.flatMap(({ id }) => (typeof id === 'string' ? [id] : [])))
  for (const id of ids) {
    const about = events.filter((event) => event.id === id)
    const past = await trace(id)
    const [, parent] = /^(?:report about|forked from) (\w+)/.exec(past[0]?.text ?? '') ?? []
    const [first] = about
    if (!BEGINNINGS.includes(first?.event) || (first?.['about'] ?? first?.['from']) !== parent)
      faults.push(`${id} comes from nowhere`)
    if (!about.some(({ event }) => FATES.includes(event))) faults.push(`nothing became of ${id}`)
  }
  return faults
}
