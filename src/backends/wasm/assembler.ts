/**
 * A small WebAssembly assembler: functions are written as stack code, modules come out as bytes. Nothing is parsed and
 * nothing is optimised here; the engine's own compiler does that.
 */

export type Type = 'i32' | 'f32' | 'v128'

/** A local variable or parameter of a function. */
export interface Local {
  readonly type: Type
  readonly index: number
}

/** How many of a vector's four floats are meant. */
export type Lanes = 1 | 2 | 3 | 4

const valueTypes: Record<Type, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

/** Opcodes without immediates; those of two bytes or more are SIMD, prefixed 0xfd. */
const plain = {
  'i32.eqz': 0x45, 'i32.eq': 0x46, 'i32.ne': 0x47, 'i32.lt_s': 0x48, 'i32.lt_u': 0x49, 'i32.gt_s': 0x4a, 'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c, 'i32.ge_s': 0x4e, 'i32.ge_u': 0x4f, 'i32.add': 0x6a, 'i32.sub': 0x6b, 'i32.mul': 0x6c,
  'i32.div_s': 0x6d, 'i32.div_u': 0x6e, 'i32.rem_s': 0x6f, 'i32.rem_u': 0x70, 'i32.and': 0x71, 'i32.or': 0x72,
  'i32.xor': 0x73, 'i32.shl': 0x74, 'i32.shr_s': 0x75, 'i32.shr_u': 0x76, 'f32.eq': 0x5b, 'f32.add': 0x92,
  select: 0x1b, drop: 0x1a, return: 0x0f, unreachable: 0x00,
} as const // biome-ignore format: a table

const simd = {
  'i32x4.splat': 0x11, 'f32x4.splat': 0x13, 'f32x4.eq': 0x41, 'f32x4.ne': 0x42, 'f32x4.lt': 0x43, 'f32x4.gt': 0x44,
  'f32x4.le': 0x45, 'f32x4.ge': 0x46, 'i32x4.eq': 0x37, 'v128.not': 0x4d, 'v128.and': 0x4e, 'v128.andnot': 0x4f,
  'v128.or': 0x50, 'v128.xor': 0x51, 'v128.bitselect': 0x52, 'v128.any_true': 0x53, 'f32x4.ceil': 0x67,
  'f32x4.floor': 0x68, 'f32x4.trunc': 0x69, 'f32x4.nearest': 0x6a, 'f32x4.abs': 0xe0, 'f32x4.neg': 0xe1,
  'f32x4.sqrt': 0xe3, 'f32x4.add': 0xe4, 'f32x4.sub': 0xe5, 'f32x4.mul': 0xe6, 'f32x4.div': 0xe7, 'f32x4.min': 0xe8,
  'f32x4.max': 0xe9, 'f32x4.pmin': 0xea, 'f32x4.pmax': 0xeb, 'i32x4.trunc_sat_f32x4_s': 0xf8,
  'f32x4.convert_i32x4_s': 0xfa, 'f32x4.convert_i32x4_u': 0xfb, 'i32x4.shl': 0xab, 'i32x4.shr_s': 0xac,
  'i32x4.shr_u': 0xad, 'i32x4.add': 0xae, 'i32x4.sub': 0xb1, 'i32x4.mul': 0xb5, 'f32x4.relaxed_madd': 0x105,
} as const // biome-ignore format: a table

/** Loads and stores: prefix (0 for none), opcode, log2 of the natural alignment. */
const memory = {
  'i32.load': [0, 0x28, 2], 'f32.load': [0, 0x2a, 2], 'i32.store': [0, 0x36, 2], 'f32.store': [0, 0x38, 2],
  'v128.load': [0xfd, 0x00, 2], 'v128.store': [0xfd, 0x0b, 2], 'v128.load32_splat': [0xfd, 0x09, 2],
  'v128.load64_splat': [0xfd, 0x0a, 2], 'v128.load32_zero': [0xfd, 0x5c, 2], 'i32.atomic.load': [0xfe, 0x10, 2], 'i32.atomic.store': [0xfe, 0x17, 2],
  'i32.atomic.rmw.add': [0xfe, 0x1e, 2], 'memory.atomic.wait32': [0xfe, 0x01, 2], 'memory.atomic.notify': [0xfe, 0x00, 2],
} as const // biome-ignore format: a table

export type Op = keyof typeof plain | keyof typeof simd
export type MemoryOp = keyof typeof memory

/** Bytes that grow: a module is a megabyte, and lists of numbers would be eight. */
class Bytes {
  private array = new Uint8Array(256)
  length = 0

  push(byte: number): this {
    if (this.length === this.array.length) this.grow(this.length + 1)
    this.array[this.length++] = byte
    return this
  }
  /** An unsigned number, seven bits a byte. */
  uleb(n: number): this {
    n >>>= 0
    while (n > 0x7f) {
      this.push((n & 0x7f) | 0x80)
      n >>>= 7
    }
    return this.push(n)
  }
  /** A signed number, seven bits a byte. */
  sleb(n: number): this {
    for (;;) {
      const byte = n & 0x7f
      n >>= 7
      if ((n === 0 && !(byte & 0x40)) || (n === -1 && byte & 0x40)) return this.push(byte)
      this.push(byte | 0x80)
    }
  }
  /** An instruction and its number, as most are. */
  pair(code: number, n: number): this {
    if (n > 0x7f || this.length + 2 > this.array.length) return this.push(code).uleb(n)
    this.array[this.length++] = code
    this.array[this.length++] = n
    return this
  }
  append(bytes: ArrayLike<number>): this {
    if (this.length + bytes.length > this.array.length) this.grow(this.length + bytes.length)
    this.array.set(bytes, this.length)
    this.length += bytes.length
    return this
  }
  text(s: string): this {
    const bytes = new TextEncoder().encode(s)
    return this.uleb(bytes.length).append(bytes)
  }
  view(): Uint8Array<ArrayBuffer> {
    return this.array.subarray(0, this.length)
  }
  private grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.array.length * 2))
    larger.set(this.array)
    this.array = larger
  }
}

const floats = new Float32Array(4)
const floatBytes = new Uint8Array(floats.buffer)

/** One function being written. Methods append code and return the function, so that lines read left to right. */
export class Code {
  bytes = new Bytes()
  readonly locals: Type[] = []
  readonly params: readonly Local[]
  /** Where the whole numbers stand that `i32` wrote, behind their opcode, in turn with the numbers. */
  readonly numbers: number[] = []
  /** Whole numbers that it is also given, behind its parameters, and the most there may be: so many locals come first. */
  given = 0
  readonly mostGiven: number
  /** Exported under this name, unless it is empty. */
  name: string
  readonly index: number
  constructor(name: string, index: number, params: readonly Type[], mostGiven = 0) {
    this.name = name
    this.index = index
    this.mostGiven = mostGiven
    this.params = params.map((type, i) => ({ type, index: i }))
  }

  local(type: Type): Local {
    this.locals.push(type)
    return { type, index: this.params.length + this.mostGiven + this.locals.length - 1 }
  }
  get(local: Local): this {
    this.bytes.pair(0x20, local.index)
    return this
  }
  set(local: Local): this {
    this.bytes.pair(0x21, local.index)
    return this
  }
  tee(local: Local): this {
    this.bytes.pair(0x22, local.index)
    return this
  }
  i32(n: number): this {
    this.bytes.push(0x41)
    this.numbers.push(this.bytes.length, n | 0)
    this.bytes.sleb(n | 0)
    return this
  }
  i64(n: number): this {
    this.bytes.push(0x42).sleb(n | 0)
    return this
  }
  /** Four times the same float. */
  f32x4(x: number): this {
    floats.fill(x)
    this.bytes.pair(0xfd, 0x0c).append(floatBytes)
    return this
  }
  i32x4(a: number, b = a, c = a, d = a): this {
    this.bytes
      .push(0xfd)
      .push(0x0c)
      .append(new Uint8Array(Int32Array.of(a, b, c, d).buffer))
    return this
  }
  op(name: Op): this {
    const code = plain[name as keyof typeof plain]
    if (code !== undefined) this.bytes.push(code)
    else this.bytes.pair(0xfd, simd[name as keyof typeof simd])
    return this
  }
  /** A load or store at the address on the stack plus `offset` bytes. */
  mem(name: MemoryOp, offset = 0): this {
    const { 0: prefix, 1: code, 2: align } = memory[name]
    if (prefix) this.bytes.push(prefix)
    this.bytes.pair(code, align).uleb(offset)
    return this
  }
  /** Stores one lane of the vector on the stack, or with `wide` the pair of that number. */
  storeLane(lane: number, offset = 0, wide = false): this {
    this.bytes
      .push(0xfd)
      .push(wide ? 0x5b : 0x5a)
      .push(2)
      .uleb(offset)
      .push(lane)
    return this
  }
  /**
   * The first lanes of a vector, from the address on the stack on: no more than that where it can be, for a load is late
   * that needs what two stores have just left.
   */
  load(lanes: Lanes, offset = 0): this {
    return this.mem(lanes === 1 ? 'v128.load32_splat' : lanes === 2 ? 'v128.load64_splat' : 'v128.load', offset)
  }
  /** Stores the first lanes of a vector, from the address that `to` leaves on the stack plus what it returns on. */
  store(to: () => number, value: Local, lanes: Lanes): void {
    const offset = to()
    this.get(value)
    if (lanes === 4) this.mem('v128.store', offset)
    else this.storeLane(0, offset, lanes > 1)
    if (lanes !== 3) return
    to()
    this.get(value).storeLane(2, offset + 8)
  }
  /** Replaces one lane of the vector on the stack, or with `wide` a pair, by what is at the address below it. */
  loadLane(lane: number, wide: boolean): this {
    this.bytes
      .push(0xfd)
      .push(wide ? 0x57 : 0x56)
      .push(2)
      .push(0)
      .push(lane)
    return this
  }
  /** One whole number of the four on the stack. */
  extractInt(lane: number): this {
    this.bytes.push(0xfd).push(0x1b).push(lane)
    return this
  }
  /** Four floats chosen from the eight of two vectors. */
  shuffle(...lanes: readonly [number, number, number, number]): this {
    this.bytes.push(0xfd).push(0x0d)
    for (const lane of lanes) for (let i = 0; i < 4; i++) this.bytes.push(lane * 4 + i)
    return this
  }
  /** memory.copy of the target, source and length on the stack. */
  copy(): this {
    this.bytes.append([0xfc, 0x0a, 0, 0])
    return this
  }
  /** memory.fill of the address, byte and length on the stack. */
  fill(): this {
    this.bytes.append([0xfc, 0x0b, 0])
    return this
  }
  block(body: () => void): this {
    this.bytes.push(0x02).push(0x40)
    body()
    return this.end()
  }
  loop(body: () => void): this {
    this.bytes.push(0x03).push(0x40)
    body()
    return this.end()
  }
  /** Takes a condition from the stack. */
  if(then: () => void, otherwise?: () => void): this {
    this.bytes.push(0x04).push(0x40)
    then()
    if (otherwise) {
      this.bytes.push(0x05)
      otherwise()
    }
    return this.end()
  }
  br(depth: number): this {
    this.bytes.push(0x0c).uleb(depth)
    return this
  }
  brIf(depth: number): this {
    this.bytes.push(0x0d).uleb(depth)
    return this
  }
  call(target: { readonly index: number }): this {
    this.bytes.push(0x10).uleb(target.index)
    return this
  }
  /** local += n */
  add(local: Local, n: number): this {
    return n === 0 ? this : this.get(local).i32(n).op('i32.add').set(local)
  }
  assign(local: Local, n: number): this {
    return this.i32(n).set(local)
  }
  /** Runs the body `count` times, counting a fresh local down. */
  times(count: number, body: () => void): this {
    if (count === 0) return this
    if (count === 1) {
      body()
      return this
    }
    const left = this.local('i32')
    this.assign(left, count)
    return this.loop(() => {
      body()
      this.get(left).i32(1).op('i32.sub').tee(left).brIf(0)
    })
  }
  /** Goes over the code: from where to where bytes lie before each of its numbers, and what number, and behind the last. */
  parts(part: (from: number, to: number, number?: number) => void): void {
    const { numbers } = this
    const view = this.bytes.view()
    let from = 0
    for (let i = 0; i < numbers.length; i += 2) {
      part(from, numbers[i], numbers[i + 1])
      from = numbers[i]
      while (view[from++] > 0x7f);
    }
    part(from, view.length)
  }
  /** From now on takes `count` numbers behind its parameters: what `which` says of a number it has is added to that. */
  take(which: readonly number[], count: number): void {
    const [bytes, written] = [new Bytes(), this.bytes.view()]
    let i = 0
    this.parts((from, to, number) => {
      bytes.append(written.subarray(from, to))
      if (number === undefined) return
      bytes.sleb(number)
      const given = which[i++]
      if (given >= 0) bytes.pair(0x20, this.params.length + given).push(plain['i32.add'])
    })
    this.bytes = bytes
    this.given = count
  }
  /** Takes back what was written last. */
  cut(length: number): void {
    this.bytes.length = length
    while (this.numbers[this.numbers.length - 2] >= length) this.numbers.length -= 2
  }
  private end(): this {
    this.bytes.push(0x0b)
    return this
  }
}

export interface Import {
  readonly name: string
  readonly params: readonly Type[]
  readonly index: number
}

/** A module over one imported memory. */
export class Module {
  private readonly imports: Import[] = []
  private readonly codes: Code[] = []
  readonly mostGiven: number

  /** @param mostGiven how many whole numbers a function can be given behind its parameters */
  constructor(mostGiven = 0) {
    this.mostGiven = mostGiven
  }
  /** Imports come first: WebAssembly numbers them before the module's own functions. */
  import(name: string, params: readonly Type[]): Import {
    if (this.codes.length > 0) throw new Error('imports must come before functions')
    const entry = { name, params, index: this.imports.length }
    this.imports.push(entry)
    return entry
  }
  /** A function without results; a name exports it. */
  function(
    name: string,
    params: readonly Type[],
    body: (code: Code, ...params: readonly Local[]) => void,
    mostGiven = this.mostGiven,
  ): Code {
    const code = new Code(name, this.imports.length + this.codes.length, params, mostGiven)
    this.codes.push(code)
    body(code, ...code.params)
    return code
  }
  bytes(options: { shared: boolean; pages: number; maximum: number }): Uint8Array<ArrayBuffer> {
    const signatures: string[] = []
    const signature = (params: readonly Type[]) => {
      const key = params.join()
      if (!signatures.includes(key)) signatures.push(key)
      return signatures.indexOf(key)
    }
    const importTypes = this.imports.map(i => signature(i.params))
    const given = (count: number) => Array<Type>(count).fill('i32')
    const codeTypes = this.codes.map(c => signature([...c.params.map(p => p.type), ...given(c.given)]))
    const out = new Bytes().append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    const section = <T>(id: number, items: readonly T[], write: (to: Bytes, item: T, i: number) => void) => {
      const body = new Bytes().uleb(items.length)
      items.forEach((item, i) => {
        write(body, item, i)
      })
      out.push(id).uleb(body.length).append(body.view())
    }
    section(1, signatures, (to, key) => {
      const params = key ? key.split(',').map(t => valueTypes[t as Type]) : []
      to.push(0x60).uleb(params.length).append(params).push(0)
    })
    section<Import | undefined>(2, [undefined, ...this.imports], (to, item, i) => {
      to.text('env').text(item?.name ?? 'memory')
      if (item) to.push(0).uleb(importTypes[i - 1])
      else
        to.push(2)
          .push(options.shared ? 3 : 1)
          .uleb(options.pages)
          .uleb(options.maximum)
    })
    section(3, codeTypes, (to, type) => to.uleb(type))
    const exported = this.codes.filter(c => c.name)
    section(7, exported, (to, c) => to.text(c.name).push(0).uleb(c.index))
    section(10, this.codes, (to, c) => {
      const head = new Bytes()
      const runs: [count: number, type: Type][] = c.mostGiven > 0 ? [[c.mostGiven - c.given, 'i32']] : []
      for (const type of c.locals) {
        const last = runs[runs.length - 1]
        if (last?.[1] === type) last[0]++
        else runs.push([1, type])
      }
      head.uleb(runs.length)
      for (const [count, type] of runs) head.uleb(count).push(valueTypes[type])
      to.uleb(head.length + c.bytes.length + 1)
        .append(head.view())
        .append(c.bytes.view())
        .push(0x0b)
    })
    return out.view()
  }
}
