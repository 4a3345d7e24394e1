import type { Trailed } from '../spool/spool.ts'
import { type StatusOptions, statusLines } from './status.ts'

/** The lines that answer TRACK, made as they are asked for, not yet dot-stuffed: a multipart/related with a part for each message (RFC 3886 section 3). */
export function* answerLines(
  envid: string,
  messages: readonly Trailed[],
  boundary: string,
  options: StatusOptions,
): Generator<string, void> {
  yield* [`Content-Type: multipart/related; boundary="${boundary}";`, ' type="message/tracking-status"', '']
  for (const message of messages) {
    yield* [`--${boundary}`, 'Content-Type: message/tracking-status', '']
    yield* statusLines(envid, message, options)
  }
  yield `--${boundary}--`
}
