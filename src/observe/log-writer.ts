import type { Writable } from 'node:stream'

/** Octets that may wait for a reader who does not read. */
const MOST_WAITING = 4 * 1024 * 1024

/**
 * Writes lines to a stream that may break or stall, such as standard error into a pipe. A broken one swallows everything;
 * while too much waits, lines are dropped, and their number is told once there is room.
 */
export const lineWriter = (stream: Writable): ((line: string) => void) => {
  let broken = false
  let dropped = 0
  stream.on('error', () => {
    broken = true
  })
  return (line) => {
    if (broken) return
    if (stream.writableLength > MOST_WAITING) {
      dropped++
      return
    }
    if (dropped > 0) {
      stream.write(`${JSON.stringify({ level: 'warn', event: 'log-lines-dropped', lines: dropped })}\n`)
      dropped = 0
    }
    stream.write(line)
  }
}
