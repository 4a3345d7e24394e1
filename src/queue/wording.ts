import { type Address, formatPath } from '../mail/address.ts'
import { answerOf, type Diagnosis } from '../mail/diagnosis.ts'

const LONGEST = 500

/** One line that is safe on a terminal and in a log: what a stranger's server said may hold anything. */
export const line = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').slice(0, LONGEST)

/** `550 5.1.1 No such user (smtp, mx.example.org [192.0.2.1])` */
export const said = (diagnosis: Diagnosis): string => {
  const { by, remote } = diagnosis
  const where = remote === undefined ? by : `${by}, ${remote.name} [${remote.address}]`
  return line(`${answerOf(diagnosis)} (${where})`)
}

export const path = (address: Address): string => line(formatPath(address))

/** What a thrown thing says of itself; its stack where it has one. */
export const reason = (error: unknown): string => line(error instanceof Error ? error.message : String(error))
export const stack = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
