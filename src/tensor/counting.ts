/** The whole numbers from `first`, so many of them: rows, places. Int32Array.from takes thirty times as long. */
export function counting(count: number, first = 0): Int32Array {
  const numbers = new Int32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = first + i
  return numbers
}
