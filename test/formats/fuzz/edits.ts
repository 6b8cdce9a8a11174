import fc from 'fast-check'

/** A change of a file; places are fractions, so that it fits files of any length. */
export type Edit = (bytes: Uint8Array) => Uint8Array

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const named = <T>(
  from: fc.Arbitrary<T>,
  text: (value: T) => string,
  apply: (value: T, bytes: Uint8Array) => Uint8Array,
) =>
  from.map(
    (value): Edit =>
      Object.assign((bytes: Uint8Array) => apply(value, bytes), { [fc.toStringMethod]: () => text(value) }),
  )
const spliced = (bytes: Uint8Array, from: number, to: number, put: ArrayLike<number>) =>
  Uint8Array.from([...bytes.subarray(0, from), ...Array.from(put), ...bytes.subarray(to)])

const cut = named(
  place,
  at => `cut at ${at}`,
  (at, bytes) => bytes.slice(0, Math.floor(at * bytes.length)),
)

const flip = named(
  fc.tuple(place, fc.nat(7)),
  ([at, bit]) => `flip bit ${bit} at ${at}`,
  ([at, bit], bytes) => {
    const out = bytes.slice()
    out[Math.floor(at * out.length)] ^= 1 << bit
    return out
  },
)

/** Lengths, counts and offsets: what overflows, and what is just above. */
const whole = named(
  fc.tuple(place, fc.constantFrom(1, 2, 4, 8), fc.boolean(), fc.constantFrom(0n, 1n, 127n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, -1n, -2n)), // biome-ignore format: a list
  ([at, size, little, value]) => `${value} in ${size} bytes at ${at}${little ? '' : ', big end first'}`,
  ([at, size, little, value], bytes) => {
    const out = bytes.slice()
    const start = Math.floor(at * out.length)
    for (let i = 0; i < size && start + i < out.length; i++)
      out[start + (little ? i : size - 1 - i)] = Number((value >> BigInt(8 * i)) & 255n)
    return out
  },
)

const remove = named(
  fc.tuple(place, place),
  ([at, share]) => `remove ${share} of what follows ${at}`,
  ([at, share], bytes) => {
    const from = Math.floor(at * bytes.length)
    return spliced(bytes, from, from + Math.ceil(share * share * (bytes.length - from)), [])
  },
)

const repeat = named(
  fc.tuple(place, place, place),
  ([at, share, to]) => `repeat ${share} of what follows ${at} at ${to}`,
  ([at, share, to], bytes) => {
    const from = Math.floor(at * bytes.length)
    const part = bytes.slice(from, from + Math.ceil(share * (bytes.length - from)))
    const target = Math.floor(to * bytes.length)
    return spliced(bytes, target, target, part)
  },
)

const insert = named(
  fc.tuple(place, fc.uint8Array({ maxLength: 8 })),
  ([at, put]) => `insert ${put} at ${at}`,
  ([at, put], bytes) => spliced(bytes, Math.floor(at * bytes.length), Math.floor(at * bytes.length), put),
)

/** One of the places where a pattern stands in the file, seen as Latin-1 text, becomes something else. */
const replace = (what: string, pattern: RegExp, by: readonly string[]) =>
  named(
    fc.tuple(place, fc.oneof(fc.constantFrom(...by), place)),
    ([at, put]) => `${what} ${at} becomes ${put}`,
    ([at, put], bytes) => {
      const found = [...Buffer.from(bytes).toString('latin1').matchAll(pattern)]
      if (found.length === 0) return bytes
      const match = found[Math.floor(at * found.length)]
      const text = typeof put === 'string' ? put : found[Math.floor(put * found.length)][0]
      return spliced(bytes, match.index, match.index + match[0].length, Buffer.from(text))
    },
  )

const digits = replace('number', /\d+(\.\d+)?/g, ['-1', '0', '1.5', '1e999', 'NaN', 'null', '4294967296', '9'.repeat(16), '9'.repeat(400), '"1"', '[]']) // biome-ignore format: a list
const words = replace('word', /[A-Za-z_]{2,}/g, ['__proto__', 'constructor', 'toString', '../../x', '', 'NaN', '\u0000', 'a'.repeat(70_000)]) // biome-ignore format: a list

const edit = fc.oneof(cut, flip, flip, whole, remove, repeat, insert, digits, words)

/** Mostly one change, sometimes several. */
export const edits: fc.Arbitrary<Edit[]> = fc.oneof(
  { weight: 3, arbitrary: edit.map(one => [one]) },
  { weight: 1, arbitrary: fc.array(edit, { minLength: 2, maxLength: 4 }) },
)

export const edited = (bytes: Uint8Array, list: readonly Edit[]) => list.reduce((all, one) => one(all), bytes)
