import { Code, type Lanes, type Local } from './assembler.ts'

/**
 * Follows what is in the locals and in memory while a function is written, from one end to the other: what one kernel has
 * stored, the next takes from the local where it still is, for memory gives it back as late as three operations would.
 * Such a function stores vectors by `store` alone, and may go in loops, where nothing is known.
 */
export function straight(f: Code): Code {
  const plain = Code.prototype
  /** The numbers that locals have and the bytes do not say yet. */
  const numbers = new Map<Local, number>()
  /** Which lane of which local memory holds at an address. */
  const held = new Map<number, Lane>()
  const holders = new Set<Local>()
  /** The number that was put on the stack last, and from and to which byte: it is there still if those are the last. */
  const top = { number: 0, from: 0, to: -1 }
  const isKnown = () => top.to === f.bytes.length
  const takeBack = () => {
    f.cut(top.from)
    top.to = -1
  }
  /** Where ways part or meet locals hold what they are known to, and memory is what is read. */
  const meet = () => {
    for (const [local, number] of numbers) {
      plain.i32.call(f, number)
      plain.set.call(f, local)
    }
    numbers.clear()
    held.clear()
  }
  const closed = (body: () => void) => () => {
    body()
    meet()
  }
  /** Puts a vector together of what has been stored from an address on, and of memory where nothing has. */
  const gather = (start: number, parts: readonly (Lane | undefined)[], first: Local): Code => {
    // A pair behind what is held comes together.
    const missing = parts.flatMap((part, lane) => (part ? [] : lane))
    const pair = missing.length === 2 && missing[0] === 2
    const apart = pair ? [2] : missing
    for (const lane of apart) f.i32(start + 4 * lane)
    f.get(first)
    if (parts.length === 1 || parts.some((part, lane) => part && (part.local !== first || part.lane !== lane))) {
      const others = new Set(parts.flatMap(part => (part && part.local !== first ? part.local : [])))
      let so = (lane: number) => (parts[lane]?.local === first ? parts[lane].lane : 0)
      for (const local of others.size > 0 ? others : [first]) {
        const from = (lane: number) => (parts[lane]?.local === local ? 4 + parts[lane].lane : so(lane))
        f.get(local)
        if (parts.length === 1) f.shuffle(from(0), from(0), from(0), from(0))
        else f.shuffle(from(0), from(1), from(2), from(3))
        so = lane => lane
      }
    }
    for (const lane of apart.reverse()) f.loadLane(pair ? 1 : lane, pair)
    return f
  }

  return Object.assign(f, {
    get(local: Local) {
      const number = numbers.get(local)
      return number === undefined ? plain.get.call(f, local) : f.i32(number)
    },
    set(local: Local) {
      if (holders.has(local)) held.clear()
      numbers.delete(local)
      if (!isKnown()) return plain.set.call(f, local)
      takeBack()
      numbers.set(local, top.number)
      return f
    },
    tee(local: Local) {
      if (holders.has(local)) held.clear()
      numbers.delete(local)
      return plain.tee.call(f, local)
    },
    i32(n: number) {
      top.number = n
      top.from = f.bytes.length
      plain.i32.call(f, n)
      top.to = f.bytes.length
      return f
    },
    add(local: Local, n: number) {
      const number = numbers.get(local)
      if (number === undefined) return plain.add.call(f, local, n)
      numbers.set(local, number + n)
      return f
    },
    load(lanes: Lanes, offset = 0) {
      if (held.size > 0 && isKnown()) {
        const start = top.number + offset
        const parts = Array.from({ length: lanes }, (_, lane) => held.get(start + 4 * lane))
        const first = parts.find(part => part)
        if (first) {
          takeBack()
          return gather(start, parts, first.local)
        }
      }
      return plain.load.call(f, lanes, offset)
    },
    store(to: () => number, value: Local, lanes: Lanes) {
      let start: number | undefined
      const noted = () => {
        const offset = to()
        start = isKnown() ? top.number + offset : undefined
        return offset
      }
      plain.store.call(f, noted, value, lanes)
      if (start === undefined) return held.clear()
      for (let lane = 0; lane < lanes; lane++) held.set(start + 4 * lane, { local: value, lane })
      holders.add(value)
    },
    block(body: () => void) {
      return plain.block.call(f, closed(body))
    },
    loop(body: () => void) {
      meet()
      return plain.loop.call(f, closed(body))
    },
    if(then: () => void, otherwise?: () => void) {
      meet()
      return plain.if.call(f, closed(then), otherwise && closed(otherwise))
    },
    br(depth: number) {
      meet()
      return plain.br.call(f, depth)
    },
    brIf(depth: number) {
      meet()
      return plain.brIf.call(f, depth)
    },
  })
}

interface Lane {
  readonly local: Local
  readonly lane: number
}
