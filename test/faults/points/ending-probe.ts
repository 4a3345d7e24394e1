import type { StatementSync } from 'node:sqlite'
import type { Store } from '../../../src/spool/sqlite-sql.ts'

/** Ends the thread in the middle of a transaction, when a line of history says so. */
export const probe = (store: Store): Store => ({
  get isTransaction() {
    return store.isTransaction
  },
  exec: (sql) => store.exec(sql),
  prepare(sql) {
    const statement = store.prepare(sql)
    const ending: Pick<StatementSync, 'run' | 'get' | 'all'> = {
      run(...values: never[]) {
        if ((values as unknown[]).includes('end of the thread')) process.exit(1)
        return statement.run(...values)
      },
      get: (...values: never[]) => statement.get(...values),
      all: (...values: never[]) => statement.all(...values),
    }
    return ending as StatementSync
  },
  close: () => store.close(),
})
