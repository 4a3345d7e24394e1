import type { Fields, Level, Log } from '../../src/observe/log.ts'

export interface KeptLog extends Log {
  readonly events: { readonly level: Level; readonly event: string; readonly fields: Fields }[]
  named(event: string): readonly Fields[]
}

/** A log that a test can read. */
export const keptLog = (): KeptLog => {
  const events: KeptLog['events'] = []
  return {
    events,
    event: (level, event, fields = {}) => void events.push({ level, event, fields }),
    named: (event) => events.filter((one) => one.event === event).map((one) => one.fields),
  }
}
