import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExim } from './exim.ts'
import { lacking } from './installed.ts'
import { relayingBothWays } from './relaying.ts'

relayingBothWays('Exim', { start: startExim, skip: lacking(['exim4'], true), takesChunks: true }, ({ peer }) => {
  test('Exim has used BDAT with us, and DATA where it was told to', () => {
    const sent = (transport: string) =>
      peer()
        .log()
        .split('\n')
        .filter((line) => line.includes(` T=${transport} `))
    assert.ok(sent('tls').length > 0 && sent('tls').every((line) => / K /.test(line)), peer().log())
    assert.ok(sent('clear').length > 0 && !sent('clear').some((line) => / K /.test(line)), peer().log())
  })
})
