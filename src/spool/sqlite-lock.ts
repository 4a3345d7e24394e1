import { DatabaseSync } from 'node:sqlite'
import { SpoolError } from './spool.ts'
import { fromSqlite } from './sqlite-sql.ts'

const BUSY = 5

/** Takes a spool for this process until it is released, or the process ends. Throws `SpoolError` when it is taken. */
export const takeInstance = (folder: string): { release(): void } => {
  const database = new DatabaseSync(`${folder}/lock.db`, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: unknown }).errcode !== BUSY) throw fromSqlite(error)
    throw new SpoolError('broken', `Another instance is using the spool ${folder}`, { cause: error })
  }
  return { release: () => database.close() }
}
