import { Duplex } from 'node:stream'

/**
 * One end of a connection within the process. Unlike with `stream.duplexPair`, nothing arrives before the call that
 * sent it has returned, and writes fail once the other end is gone.
 */
class End extends Duplex {
  #other: End | undefined
  /** Completes the write at the other end that waits until this one has been read. */
  #written: ((error?: Error) => void) | undefined

  static pair(): [Duplex, Duplex] {
    const ends: [End, End] = [new End(), new End()]
    ends[0].#other = ends[1]
    ends[1].#other = ends[0]
    return ends
  }

  override _read(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    // Later, as over a socket: a handshake that is over before its call returned goes unnoticed by node:tls.
    process.nextTick(() => {
      const other = this.#other
      if (other === undefined || other.destroyed) done(new Error('write EPIPE'))
      else if (other.push(chunk)) done()
      else other.#written = done
    })
  }

  override _final(done: () => void): void {
    if (!this.#other?.destroyed) this.#other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const written = this.#written
    this.#written = undefined
    process.nextTick(() => {
      if (!this.#other?.destroyed) this.#other?.push(null)
      written?.(new Error('write EPIPE'))
    })
    done(error)
  }
}

/** The two ends of a connection within the process, with the half-closing, back-pressure and failures of a socket. */
export const memoryStreams = (): [Duplex, Duplex] => End.pair()
