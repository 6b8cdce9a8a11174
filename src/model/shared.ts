import type { Numbers } from '../program/index.ts'

/** Something that has numbers for arrays. */
interface Holder {
  arrays(): readonly ArrayLike<number>[]
}

/** An array that several models may have: who has its newest numbers, in which place, and how often they changed. */
interface Cell {
  holder: Holder
  place: number
  version: number
  holders: number
}

const cells = new WeakMap<object, Map<string, Cell>>()

/** One array of a model: `key` stands for its layer in all models, `name` for the array in it. */
export interface Shared {
  readonly key: object
  readonly name: string
}

/**
 * Lets models that have a layer in common have its numbers in common: before a model works it takes what another has
 * changed since, and afterwards it is the one that others take from.
 */
export function sharing(arrays: readonly Shared[], values: () => readonly Numbers[]) {
  const holder: Holder = { arrays: values }
  const mine = arrays.map(({ key, name }, place) => {
    const known = cells.get(key) ?? new Map<string, Cell>()
    cells.set(key, known)
    const first = !known.has(name)
    if (first) known.set(name, { holder, place, version: 0, holders: 0 })
    const cell = known.get(name)!
    cell.holders++
    return { cell, place, seen: first ? 0 : -1 }
  })
  return {
    /** Gives the numbers that others have newer. */
    take(write: (newer: readonly { readonly place: number; readonly values: ArrayLike<number> }[]) => void) {
      const stale = mine.filter(({ cell, seen }) => cell.version !== seen)
      if (stale.length === 0) return
      const found = new Map<Holder, readonly ArrayLike<number>[]>()
      const newer = stale.map(each => {
        const { holder, place } = each.cell
        if (!found.has(holder)) found.set(holder, holder.arrays())
        each.seen = each.cell.version
        return { place: each.place, values: found.get(holder)![place] }
      })
      write(newer)
    },
    /** Says that the numbers have changed here. */
    changed() {
      for (const each of mine) {
        each.seen = ++each.cell.version
        each.cell.holder = holder
        each.cell.place = each.place
      }
    },
    /** Leaves the newest numbers to the others. */
    leave() {
      const left = mine.filter(({ cell }) => cell.holder === holder && cell.holders > 1)
      if (left.length === 0) return
      const last = values()
      for (const { cell } of left) cell.holder = { arrays: () => last }
    },
  }
}
