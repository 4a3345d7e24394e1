import type { Channel } from '../../../src/net/channel.ts'
import { type At, type Listener, type ListenOptions, listen as real } from '../../../src/net/listener.ts'
import { stepwiseChannel } from './channel.ts'
import { threadPoints } from './points.ts'

const points = threadPoints()

/** In place of the network's own: its channels can die at every step. */
export const listen = (at: At, options: ListenOptions, take: (channel: Channel) => Promise<void>): Promise<Listener> =>
  real(at, options, (channel) => take(stepwiseChannel(channel, 'server', points)))
