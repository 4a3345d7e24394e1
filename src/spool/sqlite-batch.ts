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

type Begin = 'BEGIN' | 'BEGIN IMMEDIATE'
type Call = () => unknown

/**
 * Runs calls in one transaction, where one that fails takes no other with it. Returns when COMMIT has: whatever is
 * answered is durable. A savepoint for each call would copy every page that it changes, which is most of the cost of a
 * small message; so they are set only when a call has failed, and all are run again.
 */
export const runBatch = (sql: Sql, calls: readonly Call[], begin: Begin = 'BEGIN IMMEDIATE'): readonly Answer[] => {
  const bare = (call: Call): Answer => ({ out: call() })
  return transaction(sql, calls, begin, bare, true) ?? transaction(sql, calls, begin, inSavepoint(sql), false) ?? []
}

const inSavepoint =
  (sql: Sql) =>
  (call: Call): Answer => {
    sql.run('SAVEPOINT member')
    try {
      const answer = { out: call() }
      sql.run('RELEASE member')
      return answer
    } catch (error) {
      if (!sql.store.isTransaction) throw error
      sql.run('ROLLBACK TO member')
      sql.run('RELEASE member')
      return refused(error)
    }
  }

/**
 * SQLITE_FULL and I/O errors may end a transaction by themselves, and what ran after that would commit by itself: so when
 * it is gone all are refused, and nothing more is run. Undefined: a call failed, none took effect, all may be run again.
 */
const transaction = (
  sql: Sql,
  calls: readonly Call[],
  begin: Begin,
  run: (call: Call) => Answer,
  mayRunAgain: boolean,
): readonly Answer[] | undefined => {
  let isRunning = false
  try {
    sql.run(begin)
    isRunning = true
    const answers = calls.map(run)
    isRunning = false
    sql.run('COMMIT')
    return answers
  } catch (error) {
    const isWhole = sql.store.isTransaction && rolledBack(sql)
    if (isRunning && isWhole && mayRunAgain) return undefined
    const answer = refused(error)
    return calls.map(() => answer)
  }
}

const rolledBack = (sql: Sql): boolean => {
  try {
    sql.run('ROLLBACK')
    return true
  } catch {
    // The next BEGIN tells whether the connection is of any more use.
    return false
  }
}
