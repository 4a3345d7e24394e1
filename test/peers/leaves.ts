import { spawnSync } from 'node:child_process'
import { program } from './installed.ts'

/** A part without parts, its transfer encoding undone. */
export interface Leaf {
  readonly type: string
  readonly octets: Buffer
}

const PYTHON = `
import base64, email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.compat32)
leaves = [part for part in message.walk() if not part.is_multipart()]
json.dump([[part.get_content_type(), base64.b64encode(part.get_payload(decode=True)).decode()] for part in leaves], sys.stdout)
`

/** What Python's email package, which has nothing of ours, finds in a message. */
export const leavesOf = (message: Buffer): readonly Leaf[] => {
  const { stdout, stderr, status } = spawnSync(program('python3'), ['-c', PYTHON], { input: message })
  if (status !== 0) throw new Error(stderr.toString())
  const found: readonly (readonly [string, string])[] = JSON.parse(stdout.toString())
  return found.map(([type, octets]) => ({ type, octets: Buffer.from(octets, 'base64') }))
}
