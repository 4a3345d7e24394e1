import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../observe/log.ts'
import { spoolContract } from './contract.ts'
import { openSqliteSpool } from './sqlite.ts'

// Each spool starts threads, and each thread would strip the types of its modules anew.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'smail-compile-cache')

spoolContract('sqlite', async (clock) => {
  const path = await mkdtemp(join(tmpdir(), 'smail-spool-'))
  const spool = await openSqliteSpool({ path, owner: 'test', clock, log: silentLog, inlineUpTo: 65_536 })
  return { spool, end: () => rm(path, { recursive: true }) }
})
