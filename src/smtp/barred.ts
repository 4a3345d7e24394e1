import { Refusal } from '../mail/reply.ts'

/**
 * Thrown by `offered` and `notOffered`: no mail goes to the hop from us before somebody has mended something, whatever the
 * mail is. So it is left alone for a while.
 */
export class Barred extends Refusal {
  override readonly name = 'Barred'
}

/** Thrown by `offered`: this connection is spoilt, but a new one on which the extension is left alone may serve. */
export class RetryWithout extends Error {
  override readonly name = 'RetryWithout'
  readonly keyword: string

  constructor(keyword: string, why: string) {
    super(why)
    this.keyword = keyword
  }
}
