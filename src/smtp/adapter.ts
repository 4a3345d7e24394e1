import { tmpdir } from 'node:os'
import type { Filter } from '../mail/features/filter.ts'
import { Questions } from '../mail/features/match-filter.ts'
import type { Reply } from '../mail/reply.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import type { ContentConverter } from '../mime/forms/content-converter.ts'
import { type Tailored, tailor } from '../mime/forms/tailor.ts'
import { withoutRoom } from './converter.ts'
import type { Sendable } from './extension.ts'

export interface AdapterOptions {
  /** Our name, for Content-Previous. */
  readonly hostname: string
  /** In the order in which they are asked. */
  readonly converters: readonly ContentConverter[]
  /** Where a result is kept until it is sent. Absent: files without a name in the system's temporary folder. */
  readonly scratch?: () => ScratchFile
}

/** Content in a form that its recipient takes, as its originator permits (RFC 4141). */
export const adapter = ({
  hostname,
  converters,
  scratch: make,
}: AdapterOptions): ((
  mail: Pick<Sendable, 'content' | 'defer' | 'now'>,
  capabilities: Filter,
) => Promise<Tailored | { readonly is: 'notNow'; readonly reply: Reply }>) => {
  const asked = new WeakMap<object, Questions>()
  return async (mail, capabilities) => {
    const questions = asked.get(mail) ?? new Questions()
    asked.set(mail, questions)
    const scratch = make?.() ?? new ScratchFile(tmpdir())
    mail.defer(() => scratch[Symbol.asyncDispose]())
    const options = { by: hostname, now: mail.now, converters, scratch, questions }
    const made = await tailor(() => mail.content(), capabilities, options).catch(withoutRoom)
    return 'code' in made ? { is: 'notNow', reply: made } : made
  }
}
