import type { Clock } from '../observe/clock.ts'
import type { Channel } from './channel.ts'
import { memoryStreams } from './memory-stream.ts'
import { streamChannel } from './stream-channel.ts'

const NOWHERE = { address: '', port: 0 }

/** Two channels, each the far end of the other, without a socket. They behave as sockets do, half-closing and back-pressure included. */
export const memoryChannels = (clock: Clock): [Channel, Channel] => {
  const [here, there] = memoryStreams()
  const about = { peer: NOWHERE, local: NOWHERE, clock }
  return [streamChannel(here, about), streamChannel(there, about)]
}
