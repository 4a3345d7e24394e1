import type { Log } from '../observe/log.ts'

const LARGE = 256 * 1024 * 1024

/** Told the size of the write-ahead log again and again, says once that it is large, and anew when it was small in between. */
export const logAlarm = (log: Log): ((octets: number) => void) => {
  let isLarge = false
  return (octets) => {
    if (octets > LARGE && !isLarge) log.event('warn', 'spool-log-large', { octets })
    isLarge = octets > LARGE
  }
}
