import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from './until.ts'

/** The paths of what is in a Maildir, in no order. */
const filesIn = async (maildir: string): Promise<readonly string[]> => {
  const found = ['new', 'cur'].map(async (folder) => {
    const names = await readdir(join(maildir, folder)).catch(() => [])
    return names.map((name) => join(maildir, folder, name))
  })
  return (await Promise.all(found)).flat()
}

/** What is in a Maildir, in no order, as it stands in its files. */
export const mailIn = async (maildir: string): Promise<readonly Buffer[]> =>
  Promise.all((await filesIn(maildir)).map((path) => readFile(path)))

/** The first mail there whose text has `mark` in it, once there is one. */
export const mailWith = (maildir: string, mark: string, log: () => string): Promise<Buffer> => {
  const seen = new Set<string>()
  return until(
    async () => {
      for (const path of await filesIn(maildir)) {
        if (seen.has(path)) continue
        seen.add(path)
        const mail = await readFile(path)
        if (mail.includes(mark)) return mail
      }
      return undefined
    },
    () => `mail with '${mark}' should be in ${maildir}\n${log()}`,
  )
}

const TRACE =
  /^(?:Return-Path|Received|Delivered-To|X-Original-To|Envelope-To|Delivery-Date):[^\n]*\n(?:[ \t][^\n]*\n)*/i

/** A mail from a Maildir split into what was put before it on its way and what was sent, the latter with CRLF again. */
export const withoutTrace = (mail: Buffer): { readonly trace: string; readonly sent: Buffer } => {
  const text = mail.toString('latin1')
  let at = 0
  for (let field = TRACE.exec(text); field; field = TRACE.exec(text.slice(at, at + 16_384))) at += field[0].length
  return { trace: text.slice(0, at), sent: Buffer.from(text.slice(at).replaceAll('\n', '\r\n'), 'latin1') }
}
