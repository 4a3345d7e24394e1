import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SpoolError } from './spool.ts'

/** What the spool needs of a connection. Tests stand between it and the real one. */
export type Store = Pick<DatabaseSync, 'exec' | 'prepare' | 'isTransaction' | 'close'>

/** A connection whose statements are prepared once. Rows come back as whoever asks says they are. */
export class Sql {
  readonly store: Store
  readonly #prepared = new Map<string, StatementSync>()

  constructor(store: Store) {
    this.store = store
  }

  /** Rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  /** The key of the row it made. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid)
  }

  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (!statement) {
      statement = this.store.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}

const FULL = 13

/** What SQLite says, as the spool says it. */
export const fromSqlite = (error: unknown): SpoolError => {
  if (error instanceof SpoolError) return error
  const code = (error as { errcode?: unknown }).errcode
  const text = error instanceof Error ? error.message : String(error)
  return new SpoolError(code === FULL ? 'full' : 'broken', text, { cause: error })
}
