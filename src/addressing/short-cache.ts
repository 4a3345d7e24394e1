import type { Clock } from '../observe/clock.ts'

/** Remembers values for a while: at most `most` of them, the oldest forgotten first. */
export interface ShortCache<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
}

export const shortCache = <T>(clock: Clock, ms: number, most: number): ShortCache<T> => {
  const kept = new Map<string, { readonly value: T; readonly until: number }>()
  return {
    get(key) {
      const found = kept.get(key)
      return found && clock.now() < found.until ? found.value : undefined
    },
    set(key, value) {
      kept.delete(key)
      const oldest = kept.size >= most ? kept.keys().next().value : undefined
      if (oldest !== undefined) kept.delete(oldest)
      kept.set(key, { value, until: clock.now() + ms })
    },
  }
}
