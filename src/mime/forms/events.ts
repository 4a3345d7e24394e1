import { windows } from '../convert/windows.ts'
import type { PartHead } from '../part-head.ts'
import { MimeReader } from '../reader.ts'

/** What a `MimeHandler` is told, to be looked at one after the other by somebody who may have to wait. */
export type MimeEvent =
  | { readonly is: 'begin'; readonly depth: number }
  | { readonly is: 'field'; readonly name: string | undefined; readonly raw: Buffer }
  | { readonly is: 'head'; readonly raw: Buffer; readonly head: PartHead }
  | { readonly is: 'body' | 'between'; readonly octets: Buffer }
  /** A delimiter line. */
  | { readonly is: 'delimiter'; readonly octets: Buffer }
  | { readonly is: 'end' }

/** A message as events, of which no more are held at once than 64 KiB of it bring. */
export async function* mimeEvents(content: AsyncIterable<Uint8Array>): AsyncGenerator<MimeEvent, void> {
  let events: MimeEvent[] = []
  const reader = new MimeReader({
    partBegins: (depth) => events.push({ is: 'begin', depth }),
    field: (name, raw) => events.push({ is: 'field', name, raw: Buffer.from(raw) }),
    headerEnds: (raw, head) => events.push({ is: 'head', raw: Buffer.from(raw), head }),
    body: (octets) => events.push({ is: 'body', octets: Buffer.from(octets) }),
    between: (octets, what) =>
      events.push({ is: what === 'delimiter' ? 'delimiter' : 'between', octets: Buffer.from(octets) }),
    partEnds: () => events.push({ is: 'end' }),
  })
  for await (const octets of windows(content)) {
    reader.write(octets)
    yield* events
    events = []
  }
  reader.end()
  yield* events
}
