import { formatPath } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import type { Reporter } from '../reports/report.ts'
import type { ReportedRecipient } from '../smtp/extension.ts'
import type { Draft, MessageRecord, Spool, SpooledMessage } from '../spool/spool.ts'
import type { Owed } from './conclude.ts'

/** A report that is written and waits for its commit. */
export interface Written {
  readonly draft: Draft
  readonly record: MessageRecord
}

/** One report for each that must be told. Rejects with what the reporter or the spool threw, and then nothing remains of them. */
export const writeReports = async (
  { spool, reporter }: { readonly spool: Pick<Spool, 'open'>; readonly reporter: Reporter },
  message: SpooledMessage,
  owed: readonly Owed[],
): Promise<readonly Written[]> => {
  const groups = new Map<string, { readonly to: ReversePath; readonly about: ReportedRecipient[] }>()
  for (const { to, recipient } of owed) {
    const key = formatPath(to)
    const group = groups.get(key) ?? { to, about: [] }
    group.about.push(recipient)
    groups.set(key, group)
  }
  const written: Written[] = []
  const opened: Draft[] = []
  try {
    for (const { to, about } of groups.values()) {
      const wanted = reporter.owed({ ...message, sender: to }, about)
      if (wanted.length === 0) continue
      const report = await reporter.compose(message, to, wanted, () => {
        const draft = spool.open()
        opened.push(draft)
        return draft
      })
      if (report !== undefined) written.push(report)
    }
  } catch (error) {
    await abandon(opened)
    throw error
  }
  return written
}

export const abandon = async (drafts: readonly Draft[]): Promise<void> => {
  await Promise.all(drafts.map((draft) => draft.abort()))
}
