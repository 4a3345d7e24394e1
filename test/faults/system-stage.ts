import { type MtaProcess, type MtaProcessOptions, mtaProcess } from './system-mta.ts'
import { type Host, makeHost } from './system-sink.ts'
import { makeSite, type Site, type SiteOptions } from './system-site.ts'

/** Everything that a test of a whole MTA needs. */
export interface Stage {
  readonly host: Host
  readonly site: Site
  /** Killed when the test is over. */
  process(options?: MtaProcessOptions): MtaProcess
}

/** Sets the stage, and clears it whatever happens. */
export const onStage = async <T>(run: (stage: Stage) => Promise<T>, options: Partial<SiteOptions> = {}): Promise<T> => {
  const host = await makeHost()
  const processes: MtaProcess[] = []
  let site: Site | undefined
  try {
    site = makeSite({ relay: host.port, ...options })
    return await run({
      host,
      site,
      process(given) {
        const one = mtaProcess(given)
        processes.push(one)
        return one
      },
    })
  } finally {
    for (const one of processes) one.kill()
    await Promise.all(processes.map((one) => one.ended))
    site?.remove()
    await host.close()
  }
}
