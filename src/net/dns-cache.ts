import type { Clock } from '../observe/clock.ts'

/** Keeps what was looked up for as long as it holds, and lets whoever asks meanwhile share one look-up. */
export interface DnsCache<V> {
  /** `load` tells for how many seconds its value holds. What it throws is thrown to all who share it. */
  get(key: string, load: () => Promise<{ readonly value: V; readonly ttl: number }>): Promise<V>
}

interface Entry<V> {
  readonly value: Promise<V>
  /** Infinite while the look-up is under way. */
  until: number
}

/** Seconds for which a failure is not tried again (RFC 9520 section 3.2 wants at least 1). */
const FAILURE = 5

/** At most `most` entries; the one that was not asked for the longest goes first. */
export const dnsCache = <V>(clock: Clock, most: number): DnsCache<V> => {
  const entries = new Map<string, Entry<V>>()
  return {
    get(key, load) {
      const known = entries.get(key)
      entries.delete(key)
      if (known !== undefined && known.until > clock.now()) {
        entries.set(key, known)
        return known.value
      }
      const keep = (seconds: number) => {
        entry.until = clock.now() + seconds * 1000
      }
      const entry: Entry<V> = {
        until: Number.POSITIVE_INFINITY,
        value: load().then(
          ({ value, ttl }) => {
            keep(ttl)
            return value
          },
          (error: unknown) => {
            keep(FAILURE)
            throw error
          },
        ),
      }
      entries.set(key, entry)
      const [oldest] = entries.keys()
      if (entries.size > most && oldest !== undefined) entries.delete(oldest)
      return entry.value
    },
  }
}
