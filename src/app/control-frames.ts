import type { Channel } from '../net/channel.ts'
import { type Answer, MOST_FRAME, PATIENCE } from './control-protocol.ts'

/** Sends one line of JSON. */
export const say = async (channel: Channel, what: Answer | object, patience: number = PATIENCE): Promise<void> => {
  channel.write(`${JSON.stringify(what)}\r\n`)
  await channel.flush(patience)
}

/** Sends octets as frames: whoever submits mail and whoever reads a body out does it alike. */
export const sendFrames = async (channel: Channel, chunk: Uint8Array): Promise<void> => {
  for (let from = 0; from < chunk.length; from += MOST_FRAME) {
    const part = chunk.subarray(from, from + MOST_FRAME)
    channel.write(`{"octets":${part.length}}\r\n`)
    channel.write(part)
    await channel.flush(PATIENCE)
  }
}
