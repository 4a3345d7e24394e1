import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'

/** A mail that was taken: what its sender is called, and how it was acknowledged. */
export interface Taken {
  readonly mark: string
  readonly id: string
  readonly large: boolean
}

/** What `syscalls.c` wrote, a call a line. */
export type Calls = readonly (readonly string[])[]

export const readCalls = (file: string): Calls =>
  existsSync(file)
    ? readFileSync(file, 'latin1')
        .split('\n')
        .map((line) => line.split(' '))
    : []

const first = (calls: Calls, from: number, matches: (call: readonly string[]) => boolean): number => {
  const at = calls.findIndex((call, index) => index >= from && matches(call))
  return at < 0 ? Number.POSITIVE_INFINITY : at
}

const last = (calls: Calls, before: number, matches: (call: readonly string[]) => boolean): number =>
  calls.findLastIndex((call, index) => index < before && matches(call))

const isLog = (path = ''): boolean => path.endsWith('/spool.db-wal')

/**
 * Every way in which an acknowledgement went out on the wire before what it promises was durable: the row in the log, and
 * before the row a large body, its name and its folder.
 */
export const brokenPromises = (calls: Calls, mails: readonly Taken[]): string[] =>
  mails.flatMap(({ mark, id, large }) => {
    const said = first(calls, 0, ([call, ...words]) => call === 'said' && words.at(-1) === id)
    if (said === Number.POSITIVE_INFINITY) return [`${id}: nothing was said`]
    const row = first(calls, 0, ([call, path, word]) => call === 'holds' && isLog(path) && word === mark)
    const synced = first(calls, row, ([call, path]) => call === 'sync' && isLog(path))
    const broken = synced < said ? [] : [`${id}: the log was not synced`]
    return [...broken, ...(large ? brokenBody(calls, id, row) : [])]
  })

const brokenBody = (calls: Calls, id: string, row: number): string[] => {
  const moved = first(calls, 0, ([call, , to = '']) => call === 'rename' && basename(to) === id)
  const [, from = '', to = ''] = calls[moved] ?? []
  const written = last(calls, moved, ([call, path]) => call === 'write' && path === from)
  const synced = last(calls, moved, ([call, path]) => call === 'sync' && path === from)
  const folder = first(calls, moved, ([call, path]) => call === 'sync' && path === dirname(to))
  return [
    ...(written >= 0 && synced > written ? [] : [`${id}: the body was not synced before it was moved`]),
    ...(folder < row ? [] : [`${id}: the folder was not synced before the row was written`]),
  ]
}

/** Mail that was moved to where a mailbox shows it, and was not safe before or its name not safe after. */
export const unsafeDeliveries = (calls: Calls): string[] =>
  calls.flatMap(([call, from = '', to = ''], moved) => {
    if (call !== 'rename' || !to.includes('/Maildir/new/')) return []
    const written = last(calls, moved, ([call, path]) => call === 'write' && path === from)
    const synced = last(calls, moved, ([call, path]) => call === 'sync' && path === from)
    const folder = first(calls, moved, ([call, path]) => call === 'sync' && path === dirname(to))
    return synced > written && folder < Number.POSITIVE_INFINITY ? [] : [to]
  })
