import type { Channel } from '../../../src/net/channel.ts'
import { type DialOptions, type DialTarget, dial as real } from '../../../src/net/dialer.ts'
import { stepwiseChannel } from './channel.ts'
import { threadPoints } from './points.ts'

export { DialError, type DialOptions, type DialTarget } from '../../../src/net/dialer.ts'

const points = threadPoints()

/** In place of the network's own: its channels can die at every step. For connections in clear. */
export const dial = async (to: DialTarget, options: DialOptions): Promise<Channel> =>
  stepwiseChannel(await real(to, options), 'client', points)
