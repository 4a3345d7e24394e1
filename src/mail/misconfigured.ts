/** Thrown by a director, router or transport that cannot do its work as it is set up. The recipient is parked, never bounced. */
export class Misconfigured extends Error {
  override readonly name = 'Misconfigured'
}
