import { DatabaseSync } from 'node:sqlite'
import { SpoolError } from './spool.ts'
import type { Store } from './sqlite-sql.ts'

/** Raised with every change of the tables. A spool with a higher one is refused. */
export const SCHEMA_VERSION = 3

const APPLICATION = 0x536d6169
const PAGE_SIZE = 16_384

/**
 * `recipient.next` is when a waiting recipient may be claimed: its due time or, while it is claimed, when the lease runs
 * out. Fates: 0 waiting, 1 held, 2 parked, 3 delivered, 4 failed, 5 expanded. A lane of '' is none. Nothing that changes
 * stands in a row with a body. A fork has the body of the message it came from.
 */
const TABLES = `
  CREATE TABLE body (
    key INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    octets INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    data BLOB,
    file TEXT
  ) STRICT;
  CREATE INDEX body_by_file ON body (file) WHERE file IS NOT NULL;

  CREATE TABLE message (
    id TEXT PRIMARY KEY,
    body INTEGER NOT NULL,
    body_from INTEGER NOT NULL,
    forked INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    sender TEXT NOT NULL,
    sender_key TEXT NOT NULL,
    params TEXT NOT NULL,
    facts TEXT NOT NULL,
    origin TEXT NOT NULL,
    schedule TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    unsettled INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX message_by_sender ON message (sender_key);
  CREATE INDEX message_by_body ON message (body) WHERE forked = 1;

  CREATE TABLE recipient (
    message TEXT NOT NULL,
    key INTEGER NOT NULL,
    parent INTEGER,
    local TEXT NOT NULL,
    domain TEXT NOT NULL,
    site TEXT NOT NULL,
    params TEXT NOT NULL,
    sender TEXT,
    ancestors TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    lane TEXT NOT NULL,
    fate INTEGER NOT NULL,
    due INTEGER NOT NULL,
    next INTEGER NOT NULL,
    claim INTEGER,
    attempts INTEGER NOT NULL,
    reported TEXT NOT NULL,
    last TEXT,
    why TEXT,
    PRIMARY KEY (message, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX recipient_by_due ON recipient (urgency, next, lane) WHERE fate = 0;
  CREATE INDEX recipient_by_lane ON recipient (lane, urgency, next) WHERE fate = 0;
  CREATE INDEX recipient_by_group ON recipient (message, lane, next) WHERE fate = 0;
  CREATE INDEX recipient_by_site ON recipient (site, message);
  CREATE INDEX recipient_by_fate ON recipient (fate, message) WHERE fate IN (1, 2);

  CREATE TABLE lease (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL,
    message TEXT NOT NULL,
    keys TEXT NOT NULL
  ) STRICT;

  CREATE TABLE history (
    message TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    fork TEXT,
    PRIMARY KEY (message, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rest (
    lane TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    why TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE owner (
    name TEXT PRIMARY KEY,
    tag INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

/**
 * Came with version 2. A partial's octets are those of its files, in order; whoever has it open has its last file. One
 * that became a message has none.
 */
const PARTIALS = `
  CREATE TABLE partial (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    octets INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    most INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    message TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX partial_by_owner ON partial (owner, cost);
  CREATE INDEX partial_by_expiry ON partial (expires);

  CREATE TABLE partial_note (
    partial TEXT PRIMARY KEY,
    note TEXT NOT NULL
  ) STRICT;

  CREATE TABLE partial_file (
    partial TEXT NOT NULL,
    seq INTEGER NOT NULL,
    file TEXT NOT NULL,
    octets INTEGER NOT NULL,
    PRIMARY KEY (partial, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX partial_by_file ON partial_file (file);
`

/**
 * Came with version 3. A followed message has a row in `trail` from its commit on; its recipients are copied when they
 * leave it, so that mail nobody follows costs a look-up that finds nothing.
 */
const TRAILS = `
  CREATE TABLE trail (
    message TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    proof TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    until INTEGER NOT NULL,
    gone INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trail_by_name ON trail (name, proof, message);
  CREATE INDEX trail_by_end ON trail (until) WHERE gone = 1;

  CREATE TABLE trail_recipient (
    message TEXT NOT NULL,
    key INTEGER NOT NULL,
    parent INTEGER,
    local TEXT NOT NULL,
    domain TEXT NOT NULL,
    params TEXT NOT NULL,
    sender TEXT,
    ancestors TEXT NOT NULL,
    lane TEXT NOT NULL,
    fate INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reported TEXT NOT NULL,
    last TEXT,
    why TEXT,
    PRIMARY KEY (message, key)
  ) STRICT, WITHOUT ROWID;
`

/** Mail that is kept for later; no other has an entry. An index changes no table, so a spool's version stands. */
const AHEAD = `CREATE INDEX IF NOT EXISTS message_ahead ON message (json_extract(schedule, '$.notBefore'))
  WHERE json_extract(schedule, '$.notBefore') IS NOT NULL`

const pragma = (database: Store, name: string): unknown => {
  const row = database.prepare(`PRAGMA ${name}`).get()
  return row && Object.values(row)[0]
}

const expect = (database: Store, path: string, wanted: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(wanted)) {
    const found = pragma(database, name)
    if (found !== value) throw new SpoolError('broken', `${path}: ${name} is ${found}, and must be ${value}`)
  }
}

const checkKind = (database: Store, path: string): void => {
  if (pragma(database, 'application_id') !== APPLICATION) throw new SpoolError('broken', `${path} is no spool of Smail`)
  const version = Number(pragma(database, 'user_version'))
  if (version > SCHEMA_VERSION)
    throw new SpoolError(
      'broken',
      `${path} was written by a newer Smail (schema ${version}; this one knows ${SCHEMA_VERSION})`,
    )
}

const create = (database: Store): void => {
  database.exec('BEGIN IMMEDIATE')
  const empty = pragma(database, 'user_version') === 0 && pragma(database, 'schema_version') === 0
  if (empty)
    database.exec(
      `${TABLES} ${PARTIALS} ${TRAILS} PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SCHEMA_VERSION}`,
    )
  database.exec('COMMIT')
}

const upgrade = (database: Store): void => {
  database.exec('BEGIN IMMEDIATE')
  const version = pragma(database, 'user_version')
  if (version === 1) database.exec(PARTIALS)
  if (version === 1 || version === 2) database.exec(`${TRAILS} PRAGMA user_version = 3`)
  database.exec(AHEAD)
  database.exec('COMMIT')
}

/** The connection that writes. Makes the tables in an empty file, or those that it lacks. Throws `SpoolError` for a file it must not write to. */
export const openWriter = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path, { timeout: 10_000, enableForeignKeyConstraints: false })
  try {
    // In force only while the file is empty, so they come first; what the file really has is read back below.
    database.exec(`PRAGMA page_size = ${PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL`)
    database.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -32768')
    database.exec('PRAGMA temp_store = MEMORY')
    create(database)
    checkKind(database, path)
    expect(database, path, { page_size: PAGE_SIZE, auto_vacuum: 2, journal_mode: 'wal', synchronous: 2 })
    upgrade(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** A connection that only reads, of a file that a writer has opened before. */
export const openReader = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  try {
    database.exec('PRAGMA synchronous = FULL; PRAGMA cache_size = -8192')
    checkKind(database, path)
    expect(database, path, { page_size: PAGE_SIZE, journal_mode: 'wal', synchronous: 2 })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
