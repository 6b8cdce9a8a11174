import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { inNode, inPages } from '../../src/data/inflate.ts'

const content = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 8)
const packings = { gzip: gzipSync, deflate: deflateSync, 'deflate-raw': deflateRawSync } as const

describe.each([inNode, inPages])('$name', unpack => {
  it.each(Object.entries(packings))('%s is unpacked as far as was allowed', async (name, pack) => {
    const packing = name as keyof typeof packings
    const packed = pack(content)
    for (const most of [content.length, 2 ** 30]) {
      const bytes = await unpack(packed, packing, most)
      expect(Buffer.compare(bytes!, content)).toBe(0)
    }
    for (const most of [content.length - 1, 0]) expect(await unpack(packed, packing, most)).toBeUndefined()
    expect(await unpack(pack(new Uint8Array(0)), packing, 0)).toEqual(new Uint8Array(0))
    await expect(unpack(packed.subarray(0, 900), packing, content.length)).rejects.toThrow()
    await expect(unpack(Uint8Array.of(6, 7, 8), packing, 9)).rejects.toThrow()
  })
})
