import type { ParamBag } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'
import type { Registry } from '../smtp/registry.ts'
import type { Submission } from './mta.ts'

/** The parameters of an envelope as MAIL and RCPT would read them on a listener with these extensions. Throws a Refusal. */
export const checkParams = ({ params, recipients }: Submission, registry: Registry): void => {
  check('MAIL', params, registry)
  for (const recipient of recipients) check('RCPT', recipient.params, registry)
}

const check = (verb: string, params: ParamBag, registry: Registry): void => {
  for (const [name, text] of Object.entries(params)) {
    const owners = registry.owners(verb, name).filter(({ param }) => !param.unsaid)
    const owner =
      owners.find(({ param: { values } }) => values?.includes(String(text).toUpperCase())) ??
      owners[0] ??
      refuse(555, '5.5.4', `${verb} parameter ${name} is not known here`)
    owner.param.read(text)
  }
}
