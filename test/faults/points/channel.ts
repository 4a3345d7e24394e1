import type { Channel } from '../../../src/net/channel.ts'
import type { Points } from './points.ts'

/** A channel that can die before each thing is written, after it is flushed, and once a body is read. */
export const stepwiseChannel = (real: Channel, side: 'server' | 'client', points: Points): Channel => {
  let written = false
  return {
    peer: real.peer,
    local: real.local,
    get secured() {
      return real.secured
    },
    line: (limit, timeout, beyond) => real.line(limit, timeout, beyond),
    async *counted(octets, timeout, rate) {
      yield* real.counted(octets, timeout, rate)
      points.pass(`${side} chunk: read`)
    },
    async *dotted(timeout, rate) {
      yield* real.dotted(timeout, rate)
      points.pass(`${side} body: read`)
    },
    pending: () => real.pending(),
    pendingLine: () => real.pendingLine(),
    discardPending: () => real.discardPending(),
    write(chunk) {
      points.pass(`${side} write ${Buffer.from(chunk).toString('latin1', 0, 9).trim()}: before`)
      real.write(chunk)
      written = true
    },
    async flush(timeout) {
      await real.flush(timeout)
      if (written) points.pass(`${side} flush: after`)
      written = false
    },
    leave: (timeout) => real.leave(timeout),
    end: (timeout) => real.end(timeout),
    destroy: () => real.destroy(),
    onClosed: (run) => real.onClosed(run),
  }
}
