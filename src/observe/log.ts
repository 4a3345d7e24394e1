/** One event, one line. `id` is the queue id wherever a message is concerned. Values never hold secrets. */
export interface Log {
  event(level: Level, event: string, fields?: Fields): void
}

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export const silentLog: Log = { event: () => {} }
