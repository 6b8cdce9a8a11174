/** Where the numbers of a row go when no cell of it holds anything else. */
export interface PlainRow {
  readonly row: Float64Array
  /** The place of each column in the row; below 0, it is left out. */
  readonly places: Int32Array
  /** The largest number of each column; unless that is infinity, none is below 0. */
  readonly most: Float64Array
}

const [carriageReturn, minus, point, zero, nine] = [13, 45, 46, 48, 57]
const powers = Array.from({ length: 16 }, (_, k) => 10 ** k)

/**
 * Puts the numbers of a line into a row, in a twentieth of the time that their texts take; gives how many there are, and
 * nothing where one of them is more than 15 digits, a sign and a point: no other is sure to be exact without its text.
 */
export function putNumbers(
  bytes: Uint8Array,
  from: number,
  to: number,
  separator: number,
  into: PlainRow,
): number | undefined {
  const { row, places, most } = into
  const end = bytes[to - 1] === carriageReturn ? to - 1 : to
  let count = 0
  for (let at = from; ; at++) {
    const isNegative = bytes[at] === minus
    if (isNegative) at++
    const first = at
    let value = 0
    let split = -1
    for (; at < end; at++) {
      const byte = bytes[at]
      if (byte >= zero && byte <= nine) value = value * 10 + (byte - zero)
      else if (byte === point && split < 0) split = at
      else break
    }
    const digits = at - first - (split < 0 ? 0 : 1)
    if (digits < 1 || digits > 15 || (at < end && bytes[at] !== separator) || count === places.length) return undefined
    if (split >= 0) value /= powers[at - split - 1]
    if (isNegative ? most[count] < Infinity : value > most[count]) return undefined
    const place = places[count++]
    if (place >= 0) row[place] = isNegative ? -value : value
    if (at >= end) return count
  }
}
