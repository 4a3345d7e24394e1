import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { SpoolError } from './spool.ts'
import { type Answers, type Batch, runBatch } from './sqlite-batch.ts'
import type { Calls, Reads, Span, Writes } from './sqlite-calls.ts'
import { claim, nextDue, type Pack, renew } from './sqlite-claim.ts'
import { keep, type Octets } from './sqlite-keep.ts'
import { operate } from './sqlite-operate.ts'
import {
  beginPartial,
  completePartial,
  dropPartial,
  findPartial,
  forgetPartial,
  orphansOfPartials,
  sweepPartials,
  syncPartial,
} from './sqlite-partial-rows.ts'
import { ahead, counts, list, read, trace } from './sqlite-reads.ts'
import { openReader, openWriter } from './sqlite-schema.ts'
import { recover, settle } from './sqlite-settle.ts'
import { fromSqlite, Sql, type Store } from './sqlite-sql.ts'
import { findTrails } from './sqlite-trails.ts'
import { enrol, forgetLanes, lift, orphans, rest, rests, sweep } from './sqlite-upkeep.ts'

/** What a thread is started with. `probe`: the URL of a module whose `probe` stands before the connection, for tests. */
export interface ThreadStart {
  readonly does: 'write' | 'read'
  readonly path: string
  readonly owner: string
  readonly pid: number
  readonly started: number
  readonly probe: string | undefined
}

/** What a thread says first. */
export type Opened = { readonly tag: number } | { readonly failed: string; readonly kind: SpoolError['kind'] }

type Handlers<C extends Calls> = {
  readonly [Name in keyof C]: (given: C[Name]['in'], octets: Octets, pack: Pack) => C[Name]['out']
}

const writes = (sql: Sql): Handlers<Writes> => ({
  keep: (message, octets) => void keep(sql, message, octets),
  claim: (by, _, pack) => claim(sql, by, pack),
  renew: ({ token, message, until }) => void renew(sql, token, message, until),
  settle: (call, octets) => settle(sql, call, octets),
  recover: ({ owner, now }) => void recover(sql, owner, now),
  nextDue: ({ now }) => nextDue(sql, now),
  operate: (call) => operate(sql, call),
  forgetLanes: ({ after }) => forgetLanes(sql, after),
  rest: ({ lane, until, why }) => void rest(sql, lane, until, why),
  lift: ({ lane }) => lift(sql, lane),
  rests: ({ now }) => rests(sql, now),
  sweep: ({ now, before }) => sweep(sql, now, before),
  orphans: ({ files }) => orphans(sql, files),
  findPartial: ({ name, file, now, mostOfAll }) => findPartial(sql, name, file, now, mostOfAll),
  beginPartial: (partial) => beginPartial(sql, partial),
  syncPartial: ({ name, file, octets, mostOfAll }) => syncPartial(sql, name, file, octets, mostOfAll),
  completePartial: (completion) => void completePartial(sql, completion),
  dropPartial: ({ name, file }) => dropPartial(sql, name, file),
  forgetPartial: ({ name }) => void forgetPartial(sql, name),
  sweepPartials: ({ now }) => sweepPartials(sql, now),
  orphansOfPartials: ({ files }) => orphansOfPartials(sql, files),
  owners: () => sql.all('SELECT name, pid, started FROM owner'),
})

const reads = (sql: Sql): Handlers<Reads> => ({
  list: (page) => list(sql, page),
  read: ({ id }, _, pack) => read(sql, id, pack),
  trace: ({ id }) => trace(sql, id),
  counts: (by) => counts(sql, by),
  ahead: (of) => ahead(sql, of),
  trails: ({ name, proof, now }) => findTrails(sql, name, proof, now),
})

/** Octets of answers, gathered into one buffer. */
class Packed {
  readonly #parts: Uint8Array[] = []
  #octets = 0

  readonly add: Pack = (octets) => {
    const span: Span = [this.#octets, octets.length]
    this.#parts.push(octets)
    this.#octets += octets.length
    return span
  }

  whole(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#octets === 0) return undefined
    const whole = new Uint8Array(this.#octets)
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }
}

type Handler = (given: unknown, octets: Octets, pack: Pack) => unknown
type Named = Readonly<Record<string, Handler>>

const BEGIN = { write: 'BEGIN IMMEDIATE', read: 'BEGIN' } as const

const answer = (sql: Sql, does: ThreadStart['does'], handlers: Named, batch: Batch, packed: Packed) =>
  runBatch(
    sql,
    batch.calls.map(({ name, given, base }) => () => {
      const handler = handlers[name]
      if (!handler) throw new SpoolError('invalid', `No call named ${name}`)
      const octets: Octets = ([from, length]) =>
        (batch.octets ?? new Uint8Array(0)).subarray(base + from, base + from + length)
      return handler(given, octets, packed.add)
    }),
    BEGIN[does],
  )

const logOctets = (path: string): number => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0

const open = async (start: ThreadStart): Promise<{ store: Store; sql: Sql; tag: number }> => {
  const database = start.does === 'write' ? openWriter(start.path) : openReader(start.path)
  const probe: (store: Store) => Store = start.probe ? (await import(start.probe)).probe : (store: Store) => store
  const tag = start.does === 'write' ? enrol(new Sql(database), start.owner, start.pid, start.started) : 0
  const store = probe(database)
  return { store, sql: new Sql(store), tag }
}

const serve = async (port: NonNullable<typeof parentPort>, start: ThreadStart): Promise<void> => {
  const { store, sql, tag } = await open(start)
  const handlers = (start.does === 'write' ? writes(sql) : reads(sql)) as unknown as Named
  port.on('message', (batch: Batch | 'close') => {
    if (batch === 'close') {
      store.close()
      port.close()
      return
    }
    const packed = new Packed()
    const answers = answer(sql, start.does, handlers, batch, packed)
    const octets = packed.whole()
    const log = start.does === 'write' ? logOctets(start.path) : 0
    port.postMessage({ answers, octets, log } satisfies Answers, octets ? [octets.buffer] : [])
  })
  port.postMessage({ tag } satisfies Opened)
}

if (parentPort) {
  const port = parentPort
  await serve(port, workerData).catch((error: unknown) => {
    const { kind, message } = fromSqlite(error)
    port.postMessage({ failed: message, kind } satisfies Opened)
    port.close()
  })
}
