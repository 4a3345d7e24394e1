/** Exit codes of sysexits(3), which callers of sendmail act on; and `refused`, for a question whose answer is no. */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 64,
  dataError: 65,
  noInput: 66,
  noUser: 67,
  unavailable: 69,
  software: 70,
  osError: 71,
  ioError: 74,
  tempFail: 75,
  noPermission: 77,
  config: 78,
} as const

/** A way to end: what to tell on standard error and the exit code. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
