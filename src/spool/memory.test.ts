import { spoolContract } from './contract.ts'
import { memorySpool } from './memory.ts'

spoolContract('memory', async (clock) => ({ spool: memorySpool({ clock }), end: async () => {} }))
