import type { SubmitterBlock } from '../config/schema-extensions.ts'
import type { ListenerSettings } from '../config/settings.ts'
import type { MaySubmit } from '../extensions/index.ts'
import type { Spf } from '../policy/spf.ts'
import type { Session } from '../smtp/extension.ts'
import { blockOf } from './extension-settings.ts'

export interface SubmitterServices {
  /** A client whose mail we carry wherever it goes, and whose submitters we take as it names them. */
  readonly mayRelay?: (session: Session) => boolean
  readonly vouched?: (session: Session) => boolean
  /** Absent: nobody is tested. */
  readonly spf?: Spf
}

/**
 * By the policy of the submitter's domain (RFC 4406 section 4, scope `pra`): what fails it may not, what cannot be told
 * now may come again, and anything else may (section 5). Undefined: nobody is tested at this listener.
 */
export const maySubmit = ({
  extensions: blocks,
  protocol,
  services: { mayRelay, vouched, spf },
}: Pick<ListenerSettings, 'extensions' | 'protocol'> & { readonly services: SubmitterServices }):
  | MaySubmit
  | undefined => {
  if (spf === undefined || protocol === 'submission' || blockOf<SubmitterBlock>(blocks, 'submitter')?.check === false) {
    return undefined
  }
  return async ({ local, domain }, session) => {
    if (mayRelay?.(session) || vouched?.(session)) return 'yes'
    const helo = session.greeting?.name ?? ''
    const verdict = await spf({ address: session.peer, domain, local, helo, scope: 'pra' })
    if (verdict === 'fail') return 'no'
    return verdict === 'temperror' ? 'unknown' : 'yes'
  }
}
