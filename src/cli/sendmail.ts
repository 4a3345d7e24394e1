import { stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { ControlFault, connectSmtp, NotRunning } from '../app/control-client.ts'
import { dropMail } from '../app/control-drop.ts'
import { thisMachine } from '../config/machine.ts'
import { addressesIn } from '../mail/address-list.ts'
import { newTracking } from '../mtqp/secret.ts'
import { formatTrackingUri } from '../mtqp/uri.ts'
import { systemClock } from '../observe/clock.ts'
import { type ControlPlaces, controlPlaces, placesOf } from './control-places.ts'
import { EXIT, Exit } from './exit.ts'
import { type Handed, handOver, NotTaken } from './hand-over.ts'
import { complain, type Io, print, printable } from './io.ts'
import { exitOf, reach } from './reach.ts'
import { Replay } from './replay.ts'
import { HELP, readArguments, type SendmailArguments } from './sendmail-arguments.ts'
import { added, checked, decoded, envelopeOf, quotedLocal } from './sendmail-envelope.ts'
import { completeHeader, recipientsIn, splitHeader } from './sendmail-header.ts'
import { mailLines, readHeader } from './sendmail-input.ts'
import { ownTracking } from './settings-glance.ts'
import { withSmtpLineEnds } from './typed.ts'

/** sendmail(8): takes a message from a program, and gives it to the running instance or leaves it for the next one. */
export const sendmail = async (argv: readonly string[], io: Io): Promise<number> => {
  try {
    const said = readArguments(argv)
    switch (said.mode) {
      case 'help':
        await print(io, HELP)
        return EXIT.ok
      case 'mail':
        return await sendMail(said, await placesFor(said, io), io)
      case 'smtp':
        noRecipients(said)
        return await speakSmtp(await placesFor(said, io), io)
      case 'list':
        noRecipients(said)
        await (await import('./mailq.ts')).listQueue(said.config, io)
        return EXIT.ok
      case 'verify':
        return await verify(said, io)
      case 'aliases':
        return await (await import('./newaliases.ts')).newaliases(io)
      case 'flush':
        noRecipients(said)
        return await flush(said, io)
    }
  } catch (error) {
    const { code, message } = exitOf(error)
    complain(io, `sendmail: ${message}`)
    return code
  }
}

/** What is read before anyone is spoken to: whoever types a message keeps no connection open meanwhile. */
const READ_AHEAD = 256 * 1024

const sendMail = async (said: SendmailArguments, places: ControlPlaces, io: Io): Promise<number> => {
  const given = said.recipients.flatMap(addressesIn)
  if (!said.fromHeader && given.length === 0)
    throw new Exit(EXIT.usage, 'there are no recipients; name some, or use -t')
  const input = mailLines(io.stdin, said.dots)[Symbol.asyncIterator]()
  const { fields, rest } = splitHeader(await readHeader(input))
  const recipients = [
    ...new Set([...given, ...(said.fromHeader ? recipientsIn(fields).map(decoded) : [])].map(checked)),
  ]
  if (recipients.length === 0) throw new Exit(EXIT.usage, 'there are no recipients in the header')

  const user = thisMachine(io.env).user
  const sender = senderOf(said, user)
  const clock = systemClock()
  const body = new Replay(input, { memory: READ_AHEAD, folder: tmpdir() })
  body.begin(Buffer.from(rest, 'latin1'))
  const content = async function* (domain: string): AsyncIterable<Uint8Array> {
    const missing = added(sender ?? quotedLocal(user), said.fullName ?? io.env['NAME'], domain, clock.now())
    yield Buffer.from(completeHeader(fields, missing), 'latin1')
    yield* body.read()
  }
  const own = said.track ? await ownTracking(said.config, thisMachine(io.env)) : undefined
  const tracking = own === undefined ? undefined : newTracking(own.host)
  const mail = { envelope: envelopeOf(said, sender, recipients, user, tracking), content }
  try {
    await body.readAhead()
    const code = await giveAway(mail, places, said, io)
    if (own !== undefined && tracking) await print(io, `${formatTrackingUri({ ...own, ...tracking })}\n`)
    return code
  } finally {
    await body.close()
  }
}

const senderOf = ({ sender }: SendmailArguments, user: string): string | null => {
  if (sender === undefined) return checked(quotedLocal(user))
  if (sender === '') return null
  const [address = '', ...more] = addressesIn(sender)
  if (more.length > 0) throw new Exit(EXIT.dataError, `'${sender}' is more than one sender`)
  return checked(address)
}

const giveAway = async (mail: Handed, places: ControlPlaces, { verbose }: SendmailArguments, io: Io) => {
  try {
    const id = await handOver(mail, places.sockets, systemClock())
    if (verbose) await print(io, `queued as ${id}\n`)
  } catch (error) {
    if (error instanceof ControlFault) throw refused(error)
    if (!(error instanceof NotTaken)) throw error
    const file = await drop(mail, places, error, thisMachine(io.env).uid)
    if (verbose)
      await print(io, `${error.path === undefined ? 'nothing runs' : printable(error.message)}; kept in ${file}\n`)
  }
  return EXIT.ok
}

const drop = async (mail: Handed, { drop: directory, named, shared }: ControlPlaces, why: NotTaken, uid: number) => {
  // Somebody else's instance would not look into a folder of ours: the mail would lie there for ever.
  if (why.path !== undefined && !named && (why.denied || !(await belongsTo(why.path, uid)))) {
    throw new Exit(why.denied ? EXIT.noPermission : EXIT.tempFail, why.message)
  }
  if (directory === undefined) {
    throw new Exit(EXIT.tempFail, `${why.message}, and the settings name no drop directory`)
  }
  const name = `${systemClock().now()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`
  try {
    return await dropMail(directory, mail.envelope, mail.content(hostname()), { name, shared })
  } catch (error) {
    throw new Exit(EXIT.tempFail, `${why.message}, and the mail cannot be kept for later: ${(error as Error).message}`)
  }
}

const belongsTo = async (path: string, uid: number): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined)
  return found === undefined || found.uid === uid
}

/** RFC 3463's address statuses, which callers know as EX_NOUSER, and the rest by whether it is worth trying again. */
const refused = ({ fault }: ControlFault): Exit => {
  const { reply } = fault
  const said = printable(fault.message)
  if (fault.kind === 'usage') return new Exit(EXIT.dataError, said)
  if (!reply || reply.code < 500) return new Exit(EXIT.tempFail, said)
  return new Exit(/^5\.1\.[1236]$/.test(reply.status) ? EXIT.noUser : EXIT.unavailable, `${reply.status} ${said}`)
}

const speakSmtp = async (places: ControlPlaces, io: Io): Promise<number> => {
  const socket = await reach(places.sockets, connectSmtp).catch(async (error: unknown) => {
    await print(io, '421 4.3.2 There is nobody to speak to now; try again later\r\n')
    throw error instanceof NotRunning ? new Exit(EXIT.tempFail, error.message) : error
  })
  const commands = Readable.from(withSmtpLineEnds(io.stdin))
  commands.pipe(socket)
  socket.pipe(io.stdout, { end: false })
  await new Promise<void>((resolve) =>
    socket
      .once('close', () => resolve())
      .once('error', () => socket.destroy())
      .once('end', () => socket.end()),
  )
  commands.destroy()
  io.stdin.pause()
  return EXIT.ok
}

const flush = async ({ config, flush: what }: SendmailArguments, io: Io): Promise<number> => {
  const client = await (await import('./running.ts')).running(config, io)
  try {
    await client.call({ do: 'operate', operation: 'retry', match: what ?? { all: true } })
    return EXIT.ok
  } finally {
    client.close()
  }
}

const placesFor = ({ config }: SendmailArguments, io: Io): Promise<ControlPlaces> =>
  config === undefined ? controlPlaces(io.env) : placesOf(config, thisMachine(io.env))

const verify = async ({ config, recipients }: SendmailArguments, io: Io): Promise<number> => {
  if (recipients.length === 0) throw new Exit(EXIT.usage, 'there are no recipients; name some')
  const verdict = await (await import('./explain.ts')).explainAll(recipients, config, false, io)
  return { accepted: EXIT.ok, refused: EXIT.noUser, unsure: EXIT.tempFail }[verdict]
}

const noRecipients = ({ recipients: [first] }: SendmailArguments): void => {
  if (first !== undefined) throw new Exit(EXIT.usage, `'${first}': recipients are for mail only`)
}
