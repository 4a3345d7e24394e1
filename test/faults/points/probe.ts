import type { StatementSync } from 'node:sqlite'
import type { Store } from '../../../src/spool/sqlite-sql.ts'
import { threadPoints } from './points.ts'

const CHANGES = /^\s*(?:INSERT|UPDATE|DELETE)\b/i

/**
 * Points after every statement that changes something, and before and after every COMMIT that follows one. What only reads is
 * no point: for the disk, a death there is one before the next change.
 */
export const probe = (store: Store): Store => {
  const points = threadPoints()
  let changed = false

  const stepOf = (sql: string): string | undefined => {
    if (sql === 'COMMIT') return changed ? 'database COMMIT' : undefined
    if (!CHANGES.test(sql)) return undefined
    return `database ${sql.trim().split(/\s+/).slice(0, 3).join(' ')}`
  }

  const taken = <T>(sql: string, run: () => T): T => {
    const step = stepOf(sql)
    if (sql.startsWith('BEGIN')) changed = false
    if (step === undefined) return run()
    if (sql === 'COMMIT') points.pass(`${step}: before`)
    const result = run()
    changed = true
    points.pass(`${step}: after`)
    return result
  }

  return {
    get isTransaction() {
      return store.isTransaction
    },
    exec: (sql) => taken(sql, () => store.exec(sql)),
    prepare(sql) {
      const statement = store.prepare(sql)
      const stepwise: Pick<StatementSync, 'run' | 'get' | 'all'> = {
        run: (...values: never[]) => taken(sql, () => statement.run(...values)),
        get: (...values: never[]) => taken(sql, () => statement.get(...values)),
        all: (...values: never[]) => taken(sql, () => statement.all(...values)),
      }
      return stepwise as StatementSync
    },
    close: () => store.close(),
  }
}
