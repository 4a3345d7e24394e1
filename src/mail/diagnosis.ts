import type { Instant } from './instant.ts'
import type { Reply } from './reply.ts'

/** The last word on one recipient: who said it, about what, when. Kept with the recipient, so that a report states facts (RFC 3464). */
export interface Diagnosis {
  readonly code: number
  readonly status: string
  readonly lines: readonly string[]
  /** `smtp`: a remote server said it. `local`: a local delivery. `us`: this program, without having asked anyone. */
  readonly by: 'smtp' | 'local' | 'us'
  readonly remote?: { readonly name: string; readonly address: string }
  /** The verb, or the step (`connect`, `greeting`, `body`), at which it was said. */
  readonly phase?: string
  readonly at: Instant
}

/** Our own word, in the form that is stored. */
export const ours = (said: Reply, at: Instant, phase?: string): Diagnosis => ({
  code: said.code,
  status: said.status,
  lines: said.lines,
  by: 'us',
  at,
  ...(phase === undefined ? {} : { phase }),
})

/** `550 5.1.1 No such user`. A host that promised no statuses may have written one all the same: it is not said twice. */
export const answerOf = ({ code, status, lines }: Diagnosis): string => {
  const text = lines.join(' ')
  return [code, text.startsWith(status) ? '' : status, text].filter((part) => part !== '').join(' ')
}
