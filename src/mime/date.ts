import type { Instant } from '../mail/instant.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Mon, 24 Nov 2025 06:35:00 +0000` (RFC 5322 3.3). `offset`: minutes east of UTC. */
export const rfc5322Date = (at: Instant, offset = 0): string => {
  const there = new Date(at + offset * 60_000)
  const two = (number: number) => String(number).padStart(2, '0')
  const zone = Math.abs(offset)
  const time = [there.getUTCHours(), there.getUTCMinutes(), there.getUTCSeconds()].map(two).join(':')
  const date = `${there.getUTCDate()} ${MONTHS[there.getUTCMonth()]} ${there.getUTCFullYear()}`
  return `${DAYS[there.getUTCDay()]}, ${date} ${time} ${offset < 0 ? '-' : '+'}${two(Math.floor(zone / 60))}${two(zone % 60)}`
}
