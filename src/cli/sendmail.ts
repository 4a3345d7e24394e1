import { hostname } from 'node:os'
import {
  type ControlClient,
  ControlFault,
  connectControl,
  connectSmtp,
  NotRunning,
  type WireEnvelope,
} from '../app/control-client.ts'
import { dropMail } from '../app/control-drop.ts'
import type { Status } from '../app/mta.ts'
import { thisMachine } from '../config/machine.ts'
import { systemClock } from '../observe/clock.ts'
import { addressesIn } from './address-list.ts'
import { type ControlPlaces, controlPlaces } from './control-places.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { exitOf, reach } from './reach.ts'
import { readArguments, type SendmailArguments } from './sendmail-arguments.ts'
import { added, checked, envelopeOf, quotedLocal } from './sendmail-envelope.ts'
import { completeHeader, recipientsIn, splitHeader } from './sendmail-header.ts'
import { mailLines } from './sendmail-input.ts'

/** sendmail(8): takes a message from a program, and gives it to the running instance or leaves it for the next one. */
export const sendmail = async (argv: readonly string[], io: Io): Promise<number> => {
  try {
    const said = readArguments(argv)
    const places = await controlPlaces(io.env)
    switch (said.mode) {
      case 'mail':
        return await sendMail(said, places, io)
      case 'smtp':
        return await speakSmtp(places, io)
      case 'list':
        return await (await import('./mailq.ts')).mailq([], io)
      case 'verify':
        return await (await import('./smail.ts')).smail(['explain', ...said.recipients], io)
      case 'aliases':
        return await (await import('./newaliases.ts')).newaliases(io)
      case 'flush':
        return await flush(places)
    }
  } catch (error) {
    const { code, message } = exitOf(error)
    complain(io, `sendmail: ${message}`)
    return code
  }
}

/** What is read before anyone is spoken to: whoever types a message keeps no connection open meanwhile. */
const READ_AHEAD = 256 * 1024
const MOST_HEADER = 1024 * 1024

const sendMail = async (said: SendmailArguments, places: ControlPlaces, io: Io): Promise<number> => {
  const given = said.recipients.flatMap(addressesIn)
  if (!said.fromHeader && given.length === 0)
    throw new Exit(EXIT.usage, 'there are no recipients; name some, or use -t')
  const input = mailLines(io.stdin, said.dots)[Symbol.asyncIterator]()
  const { fields, rest } = splitHeader(await readHeader(input))
  const recipients = [...new Set([...given, ...(said.fromHeader ? recipientsIn(fields) : [])].map(checked))]
  if (recipients.length === 0) throw new Exit(EXIT.usage, 'there are no recipients in the header')

  const user = thisMachine(io.env).user
  const sender =
    said.sender === ''
      ? null
      : checked(said.sender === undefined ? quotedLocal(user) : (addressesIn(said.sender)[0] ?? ''))
  const envelope = envelopeOf(said, sender, recipients, user)
  const content = (domain: string, ahead: readonly Uint8Array[]) =>
    message(
      completeHeader(
        fields,
        added(sender ?? quotedLocal(user), said.fullName ?? io.env['NAME'], domain, systemClock().now()),
      ),
      ahead,
      input,
    )
  const ahead = await readAhead(rest, input)

  let client: ControlClient
  try {
    client = await reach(places.sockets)
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
    // An instance that we may not speak to would not look into a folder of ours: the mail would lie there for ever.
    if (error.denied && !places.shared) throw error
    return await drop(places, envelope, content(hostname(), ahead), said, io)
  }
  try {
    const { domain } = (await client.call({ do: 'status' })) as Status
    const id = await client.submit(envelope, content(domain, ahead))
    if (said.verbose) await print(io, `queued as ${id}\n`)
    return EXIT.ok
  } catch (error) {
    throw error instanceof ControlFault ? refused(error) : error
  } finally {
    client.close()
  }
}

const drop = async (
  { drop: directory, shared }: ControlPlaces,
  envelope: WireEnvelope,
  body: AsyncIterable<Uint8Array>,
  said: SendmailArguments,
  io: Io,
) => {
  if (directory === undefined) throw new Exit(EXIT.tempFail, 'nothing runs, and the settings name no drop directory')
  const name = `${systemClock().now()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`
  try {
    const file = await dropMail(directory, envelope, body, { name, shared })
    if (said.verbose) await print(io, `nothing runs; kept in ${file}\n`)
    return EXIT.ok
  } catch (error) {
    throw new Exit(EXIT.tempFail, `nothing runs, and the mail cannot be kept for later: ${(error as Error).message}`)
  }
}

/** RFC 3463's address statuses, which callers know as EX_NOUSER, and the rest by whether it is worth trying again. */
const refused = ({ fault }: ControlFault): Exit => {
  const { reply } = fault
  if (fault.kind === 'usage') return new Exit(EXIT.dataError, fault.message)
  if (!reply || reply.code < 500) return new Exit(EXIT.tempFail, fault.message)
  return new Exit(
    /^5\.1\.[1236]$/.test(reply.status) ? EXIT.noUser : EXIT.unavailable,
    `${reply.status} ${fault.message}`,
  )
}

/** Until the empty line that ends the header, or for as long as it could still be one. One character per octet. */
const readHeader = async (input: AsyncIterator<Uint8Array>): Promise<string> => {
  let text = ''
  for (;;) {
    const next = await input.next()
    if (next.done) return text
    text += Buffer.from(next.value).toString('latin1')
    if (text.startsWith('\r\n') || text.includes('\r\n\r\n') || !/^[!-9;-~]+[ \t]*(:|$)|^>?From /.test(text))
      return text
    if (text.length > MOST_HEADER) throw new Exit(EXIT.dataError, `the header is longer than ${MOST_HEADER} octets`)
  }
}

const readAhead = async (rest: string, input: AsyncIterator<Uint8Array>): Promise<readonly Uint8Array[]> => {
  const chunks: Uint8Array[] = [Buffer.from(rest, 'latin1')]
  for (let octets = rest.length; octets < READ_AHEAD; ) {
    const next = await input.next()
    if (next.done) break
    chunks.push(next.value)
    octets += next.value.length
  }
  return chunks
}

async function* message(
  header: string,
  ahead: readonly Uint8Array[],
  input: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  yield Buffer.from(header, 'latin1')
  yield* ahead
  for (let next = await input.next(); !next.done; next = await input.next()) yield next.value
}

const speakSmtp = async (places: ControlPlaces, io: Io): Promise<number> => {
  const socket = await reach(places.sockets, connectSmtp).catch(async (error: unknown) => {
    await print(io, '421 4.3.2 There is nobody to speak to now; try again later\r\n')
    throw error instanceof NotRunning ? new Exit(EXIT.tempFail, error.message) : error
  })
  io.stdin.pipe(socket)
  socket.pipe(io.stdout, { end: false })
  await new Promise<void>((resolve) =>
    socket
      .once('close', () => resolve())
      .once('error', () => socket.destroy())
      .once('end', () => socket.end()),
  )
  io.stdin.unpipe(socket).pause()
  return EXIT.ok
}

const flush = async (places: ControlPlaces): Promise<number> => {
  const client = await reach(places.sockets, connectControl)
  try {
    await client.call({ do: 'operate', operation: 'retry', match: { all: true } })
    return EXIT.ok
  } finally {
    client.close()
  }
}
