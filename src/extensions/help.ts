import { reply } from '../mail/reply.ts'
import type { Extension, Session } from '../smtp/extension.ts'

const about = (verb: string, session: Session): readonly string[] | undefined => {
  const usage = session.verbs.get(verb)
  if (usage === undefined) return undefined
  // Parameters are there for those who were told of them.
  const told = session.greeting?.extended ? session.extensions : []
  const params = told.flatMap(
    ({ params }) => params?.[verb]?.flatMap(({ name, unsaid }) => (unsaid ? [] : [name])) ?? [],
  )
  return [usage.usage ?? verb, ...(params.length > 0 ? [`Parameters: ${[...new Set(params)].join(' ')}`] : [])]
}

/** HELP, RFC 5321 4.1.1.8: the commands there are, and how one is written. */
export const help = (): Extension => ({
  keyword: 'HELP',
  rfc: [5321],
  server: {
    verbs: {
      HELP: {
        phases: ['connected', 'greeted', 'mail', 'rcpt', 'body'],
        usage: 'HELP [command]',
        run(args, session) {
          if (args === '')
            return reply(214, '2.0.0', `Commands: ${[...session.verbs.keys()].join(' ')}`, 'HELP command tells more')
          const [first, ...more] = about(args.toUpperCase(), session) ?? []
          return first === undefined
            ? reply(504, '5.5.4', 'There is no help on that')
            : reply(214, '2.0.0', first, ...more)
        },
      },
    },
  },
})
