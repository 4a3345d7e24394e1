import { type Address, formatPath } from '../mail/address.ts'
import type { ParamBag, ReversePath } from '../mail/envelope.ts'

/** RFC 5321 4.1.1.2, without its CRLF. */
export const mailCommand = (sender: ReversePath, params: ParamBag): string =>
  `MAIL FROM:${formatPath(sender)}${words(params)}`

/** RFC 5321 4.1.1.3, without its CRLF. */
export const rcptCommand = (recipient: Address, params: ParamBag = {}): string =>
  `RCPT TO:${formatPath(recipient)}${words(params)}`

const words = (params: ParamBag): string => {
  let text = ''
  for (const name in params) text += params[name] === true ? ` ${name}` : ` ${name}=${params[name]}`
  return text
}
