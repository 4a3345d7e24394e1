import { DatabaseSync } from 'node:sqlite'
import { SpoolError } from './spool.ts'
import { fromSqlite } from './sqlite-sql.ts'

const BUSY = 5

/** Another instance has the spool. */
class SpoolTaken extends SpoolError {
  readonly code = 'taken'

  constructor(cause: unknown) {
    super('broken', 'another instance uses this spool; expected a folder of its own', { cause })
  }
}

/** Takes a spool for this process until it is released, or the process ends. Throws `SpoolError` when it is taken. */
export const takeInstance = (folder: string): { release(): void } => {
  const database = new DatabaseSync(`${folder}/lock.db`, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: unknown }).errcode !== BUSY) throw fromSqlite(error)
    throw new SpoolTaken(error)
  }
  return { release: () => database.close() }
}
