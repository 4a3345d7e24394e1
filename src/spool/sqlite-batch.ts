import { LeaseLost, type SpoolError } from './spool.ts'
import { fromSqlite, type Sql } from './sqlite-sql.ts'

/** Calls for one transaction. `base`: where a call's octets begin in `octets`. */
export interface Batch {
  readonly calls: readonly { readonly name: string; readonly given: unknown; readonly base: number }[]
  readonly octets: Uint8Array | undefined
}

export type Answer =
  | { readonly out: unknown }
  | { readonly refused: SpoolError['kind'] | 'lost'; readonly text: string }

/** One answer a call, in order. `log`: octets of the write-ahead log, where the thread writes. */
export interface Answers {
  readonly answers: readonly Answer[]
  readonly octets: Uint8Array | undefined
  readonly log: number
}

const refused = (error: unknown): Answer => {
  if (error instanceof LeaseLost) return { refused: 'lost', text: error.message }
  const { kind, message } = fromSqlite(error)
  return { refused: kind, text: message }
}

/**
 * Runs calls in one transaction, each in a savepoint, so that one which fails takes no other with it. Returns when COMMIT
 * has: whatever is answered is durable. SQLITE_FULL and I/O errors may end the transaction by themselves, and what ran
 * after that would commit by itself; so when it is gone, all are refused and nothing more is run.
 */
export const runBatch = (
  sql: Sql,
  calls: readonly (() => unknown)[],
  begin: 'BEGIN' | 'BEGIN IMMEDIATE' = 'BEGIN IMMEDIATE',
): readonly Answer[] => {
  const answers: Answer[] = []
  try {
    sql.run(begin)
    for (const call of calls) {
      sql.run('SAVEPOINT member')
      try {
        answers.push({ out: call() })
      } catch (error) {
        if (!sql.store.isTransaction) throw error
        sql.run('ROLLBACK TO member')
        answers.push(refused(error))
      }
      sql.run('RELEASE member')
    }
    sql.run('COMMIT')
    return answers
  } catch (error) {
    giveUp(sql)
    const answer = refused(error)
    return calls.map(() => answer)
  }
}

const giveUp = (sql: Sql): void => {
  try {
    if (sql.store.isTransaction) sql.run('ROLLBACK')
  } catch {
    // The next BEGIN tells whether the connection is of any more use.
  }
}
