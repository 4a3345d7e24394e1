import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { extensionSchemas } from '../../src/app/extensions.ts'
import { readSettings } from '../../src/config/load.ts'
import type { Settings } from '../../src/config/settings.ts'

/** Folders of one MTA, and what lies in them. */
export interface Site {
  readonly folder: string
  readonly settings: Settings
  /** The same, as a file has them. */
  readonly text: string
  /** The file that the log goes to. */
  readonly log: string
  /** Messages that can be seen in a mailbox, line ends LF, without the fields that delivery puts on top. */
  mailbox(user: string): readonly string[]
  /** Of the spool, as its files are now: recipients that wait, by the text of their message's body. For when nobody writes. */
  waiting(): readonly Waiting[]
  /** Names of files that lie in the spool: drafts and large bodies. */
  leftovers(): readonly string[]
  /** Empties the mailboxes, or takes them away. */
  clear(wholly: boolean): void
  remove(): void
}

export interface Waiting {
  /** 0 waiting, 1 held, 2 parked. */
  readonly fate: number
  readonly address: string
  readonly sender: string
  readonly body: string
}

export interface SiteOptions {
  /** Where mail for other domains goes. */
  readonly relay: number
  readonly folder?: string
  readonly spool?: string
  readonly queue?: string
  /** `USERS` if absent. */
  readonly users?: readonly string[]
}

export const USERS: readonly string[] = ['alice', 'bob']

const settingsText = (spool: string, mail: string, { relay, queue = '{}', users = USERS }: SiteOptions): string => `
hostname: mx.test
domains: [home.test]
listen:
  mx: { smtp: ["127.0.0.1:0"] }
directors:
  users: { users: { from: { names: [${users.join(', ')}] }, transport: local, root: ${mail} } }
routers:
  relay: { smarthost: { hosts: ["127.0.0.1:${relay}"] } }
transports:
  local: { maildir: {} }
  smtp: { smtp: { tls: off, idle: 0s } }
spool: { sqlite: { path: ${spool} } }
queue: ${queue}
dns: { servers: ["127.0.0.1"] }
`

const settingsFor = (folder: string, text: string): Settings => {
  const machine = { hostname: 'mx.test', uid: 0, user: 'us', home: folder, state: folder, runtime: folder }
  const read = readSettings(text, 'smail.yaml', machine, extensionSchemas)
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  return read.settings
}

const FOLDERS = ['tmp', 'new', 'cur'] as const

export const makeSite = (options: SiteOptions): Site => {
  const { users = USERS } = options
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'smail-system-'))
  const spool = options.spool ?? join(folder, 'spool')
  const mail = join(folder, 'mail')
  const text = settingsText(spool, mail, options)
  return {
    folder,
    text,
    settings: settingsFor(folder, text),
    log: join(folder, 'log'),
    mailbox: (user) => ['new', 'cur'].flatMap((name) => messages(join(mail, user, 'Maildir', name))),
    waiting: () => rows(spool),
    leftovers: () => [...files(join(spool, 'drafts', 'mx.test')), ...files(join(spool, 'bodies'))],
    clear(wholly) {
      const gone = wholly
        ? [mail]
        : users
            .flatMap((user) => FOLDERS.map((name) => join(mail, user, 'Maildir', name)))
            .flatMap((folder) => files(folder).map((name) => join(folder, name)))
      for (const path of gone) rmSync(path, { recursive: true, force: true })
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const files = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return []
    throw error
  }
}

const TOP = /^Return-Path: .*\nDelivered-To: .*\n(?:Received: .*\n(?:[ \t].*\n)*)?/

/** What does not begin as delivered mail does is given whole, and will be found to be none that was sent. */
const messages = (folder: string): readonly string[] =>
  files(folder).map((name) => readFileSync(join(folder, name), 'latin1').replace(TOP, ''))

/** Only reads, so that nothing is recovered, checkpointed or cleared by the look. */
const rows = (spool: string): readonly Waiting[] => {
  const file = join(spool, 'spool.db')
  if (!existsSync(file)) return []
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    if (!database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'recipient'").get()) return []
    return (database.prepare(WAITING).all() as unknown as Row[]).map(({ data, file, ...row }) => ({
      ...row,
      body:
        file === null
          ? Buffer.from(data ?? []).toString('latin1')
          : readFileSync(join(spool, 'bodies', file), 'latin1'),
    }))
  } finally {
    database.close()
  }
}

interface Row {
  readonly fate: number
  readonly address: string
  readonly sender: string
  readonly data: Uint8Array | null
  readonly file: string | null
}

const WAITING = `SELECT recipient.fate, recipient.local || '@' || recipient.domain AS address, message.sender, body.data, body.file
  FROM recipient JOIN message ON message.id = recipient.message JOIN body ON body.key = message.body
  WHERE recipient.fate < 3`
