import type { DirectorSettings, Settings } from '../config/settings.ts'
import { aliasesDirector } from '../directors/aliases.ts'
import { catchAllDirector } from '../directors/catch-all.ts'
import type { Director } from '../directors/director.ts'
import { fileSource, textSource } from '../directors/source.ts'
import { usersDirector } from '../directors/users.ts'
import { readAddress } from '../mail/address.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { Faults } from './unfit.ts'

interface Means {
  readonly clock: Clock
  readonly log: Log
  readonly uid: number
}

/** In the order in which they are asked. Throws `Unfit` with all that cannot work as it is set up. */
export const makeDirectors = async (settings: Settings, means: Means): Promise<Director[]> => {
  const faults = new Faults()
  const directors: Director[] = []
  for (const one of settings.directors) {
    const path = ['directors', one.name, one.driver, SOURCES[one.driver]]
    const made = await faults.of(path, () => make(one, settings, means))
    if (made) directors.push(made)
  }
  faults.demandNone()
  return directors
}

/** The setting that says where a director has its knowledge. */
const SOURCES = { aliases: 'file', users: 'from', 'catch-all': 'to' } as const

const make = (one: DirectorSettings, settings: Settings, { clock, log, uid }: Means): Director | Promise<Director> => {
  const { name } = one
  const domains = one.domains ? { domains: one.domains } : {}
  switch (one.driver) {
    case 'aliases': {
      const { optional, separator } = one
      const defaultDomain = settings.domains[0] ?? settings.hostname
      return aliasesDirector({
        name,
        source: fileSource(one.file),
        optional,
        separator,
        defaultDomain,
        clock,
        log,
        ...domains,
      })
    }
    case 'users': {
      const { transport, separator, from, root } = one
      const quota = one.quota > 0 ? { quota: { octets: one.quota, whenFull: one['when-full'] } } : {}
      const users =
        'passwd' in from
          ? ({ is: 'passwd', source: fileSource('/etc/passwd'), runningUid: uid } as const)
          : ({
              is: 'virtual',
              source: 'file' in from ? fileSource(from.file) : textSource(`directors.${name}`, from.names.join('\n')),
              root,
            } as const)
      return usersDirector({ name, from: users, transport, separator, clock, log, ...quota, ...domains })
    }
    case 'catch-all':
      return catchAllDirector({ name, to: readAddress(one.to), ...domains })
  }
}
