import type { Trailed } from '../spool/spool.ts'
import { type StatusOptions, trackingStatus } from './status.ts'

/** The lines that answer TRACK, not yet dot-stuffed: a multipart/related with a part for each message (RFC 3886 section 3). */
export const answerLines = (
  envid: string,
  messages: readonly Trailed[],
  boundary: string,
  options: StatusOptions,
): readonly string[] => [
  `Content-Type: multipart/related; boundary="${boundary}";`,
  ' type="message/tracking-status"',
  '',
  ...messages.flatMap((message) => [
    `--${boundary}`,
    'Content-Type: message/tracking-status',
    '',
    ...trackingStatus(envid, message, options).split('\r\n'),
  ]),
  `--${boundary}--`,
]
