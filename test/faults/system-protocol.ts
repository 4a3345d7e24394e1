import type { Settings } from '../../src/config/settings.ts'

/** What a test asks of the MTA that runs in a process of its own. */
export type Ask =
  | { readonly do: 'start'; readonly settings: Settings; readonly log: string; readonly skew?: number }
  /** Points count from now on, and the one of this name kills. */
  | { readonly do: 'arm'; readonly point: string }
  /**
   * `empty` is answered when the spool has no message any more; `settled` when nothing waits any more, letting time pass
   * whenever nothing is under way.
   */
  | { readonly do: 'empty' | 'settled' | 'sweep' | 'drain' }
  /** Answered when the log has so many events of this name. */
  | { readonly do: 'logged'; readonly event: string; readonly times: number }
  /** Lets time pass at once. */
  | { readonly do: 'forward'; readonly ms: number }

/** What it answers. */
export type Answer =
  | { readonly is: 'started'; readonly port: number }
  | { readonly is: 'done' }
  | { readonly is: 'failed'; readonly why: string }

/** Questions and answers as they travel: an answer has its question's number. */
export interface Numbered<T> {
  readonly number: number
  readonly body: T
}
