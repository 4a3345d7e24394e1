import { globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { readSystem, type Scene, type System } from './kit/format.ts'
import { type Places, placed, setStage } from './kit/stage.ts'
import { Play } from './kit/steps.ts'

const folder = new URL('.', import.meta.url)

const play = async (read: (places: Places) => readonly [System, Scene]): Promise<void> => {
  const stage = await setStage(read)
  try {
    const acts = new Play(stage)
    for (const [index, step] of stage.scene.steps.entries()) await acts.step(step, `step ${index + 1}`)
    await acts.end()
  } catch (error) {
    const logs = [...stage.systems.values()].flatMap(({ name, events }) =>
      events.map((event) => `${name}: ${JSON.stringify(event)}`),
    )
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${logs.join('\n')}`)
  } finally {
    await stage.end()
  }
}

describe('whole systems', { concurrency: 2 }, () => {
  for (const name of globSync('*.yaml', { cwd: folder }).sort()) {
    if (name === 'settings.yaml') continue
    const text = readFileSync(new URL(name, folder), 'utf8')
    const file = readSystem(name, parse(placed(text, { port: 25, dns: '192.0.2.53', here: '/' })))
    describe(`${name}: ${file.about}`, { concurrency: 4 }, () => {
      for (const [index, { scene }] of file.scenes.entries()) {
        test(scene, () =>
          play((places) => {
            const system = readSystem(name, parse(placed(text, places)))
            const found = system.scenes[index]
            if (!found) throw new Error('unreachable')
            return [system, found]
          }),
        )
      }
    })
  }
})
