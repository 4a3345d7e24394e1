import { z } from 'zod'
import { networks } from '../config/networks.ts'
import type { MtPriorityBlock } from '../config/schema-extensions.ts'
import type { ExtensionBlocks } from '../config/settings.ts'
import * as extensions from '../extensions/index.ts'
import type { Address } from '../mail/address.ts'
import type { Session } from '../smtp/extension.ts'

/** A client's network is among those that a block's `allow` names. */
export const allowed = (block: unknown): ((session: Session) => boolean) => {
  const among = networks(allowedBy(block))
  return ({ peer }) => among(peer)
}

export const allowsNobody = (block: unknown): boolean => allowedBy(block).length === 0

const allowedBy = (block: unknown): readonly string[] => {
  const list = z.object({ allow: z.array(z.string()) }).safeParse(block)
  return list.success ? list.data.allow : []
}

export const unwanted = (block: unknown): extensions.Unwanted => {
  const read = extensions.noSolicitingSettings.safeParse(block)
  return read.success ? read.data : { refuse: [], recipients: {} }
}

/** A block as its schema made it; undefined where there is none. */
export const blockOf = <T extends object>(blocks: ExtensionBlocks, keyword: string): T | undefined => {
  const block = blocks[keyword]
  return typeof block === 'object' && block !== null ? (block as T) : undefined
}

export const prioritySettings = (block: MtPriorityBlock): extensions.PrioritySettings => ({
  ...block,
  levels: new Map(
    Object.entries(block.levels).map(([level, { retry, 'retry-max': most, lifetime, size }]) => {
      const waits = { ...(retry === undefined ? {} : { first: retry }), ...(most === undefined ? {} : { most }) }
      const how: extensions.PriorityLevel = {
        ...(retry === undefined && most === undefined ? {} : { retry: waits }),
        ...(lifetime === undefined ? {} : { lifetime }),
        ...(size === undefined ? {} : { size }),
      }
      return [Number(level), how]
    }),
  ),
})

/** Undefined: nobody has said what anyone takes, or it is not to be told. */
export const capabilities = (
  block: unknown,
  isMailbox: (address: Address) => Promise<boolean>,
): extensions.Capabilities | undefined => {
  const read = extensions.connegSettings.safeParse(block)
  if (!read.success || Object.keys(read.data.capabilities).length === 0) return undefined
  return extensions.capabilitiesOf(read.data.capabilities, isMailbox)
}
