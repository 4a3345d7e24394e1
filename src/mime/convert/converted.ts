import { MimeReader } from '../reader.ts'
import { Chunks } from './chunks.ts'
import { decisionOf } from './codes.ts'
import { Emitter } from './emitter.ts'
import type { ConversionPlan } from './plan.ts'
import { TapeReader } from './tape.ts'
import { windows } from './windows.ts'

/** Parts that may begin when there is nothing more to read: as many as may be open. */
const AT_END = 1000

/**
 * The second pass: the message as it was planned, `plan.facts.octets` of it. The content must be the one that the plan
 * was made of; throws an Error, be it at the very end, when it is not. What is yielded belongs to the caller, unless
 * nothing changes: then it is the content itself.
 */
export async function* converted(content: AsyncIterable<Uint8Array>, plan: ConversionPlan): AsyncGenerator<Uint8Array> {
  let emitted = 0
  for await (const octets of plan.changes ? rewritten(content, plan) : content) {
    emitted += octets.length
    yield octets
  }
  if (emitted !== plan.facts.octets) throw new Error(`${plan.facts.octets} octets were planned, not ${emitted}`)
}

async function* rewritten(content: AsyncIterable<Uint8Array>, plan: ConversionPlan): AsyncGenerator<Uint8Array> {
  const tape = new TapeReader(plan.tape)
  const next = () => {
    const code = tape.next()
    if (code === undefined) throw new Error('A message has more parts than were planned')
    return decisionOf(code)
  }
  const chunks = new Chunks()
  const emitter = new Emitter(plan.rules, next, (octets) => chunks.add(octets))
  const reader = new MimeReader(emitter)
  for await (const octets of windows(content)) {
    // No part is shorter than one octet.
    await tape.fill(octets.length + AT_END)
    reader.write(octets)
    yield* chunks.whole()
  }
  await tape.fill(AT_END)
  reader.end()
  emitter.ends()
  yield* chunks.rest()
}
