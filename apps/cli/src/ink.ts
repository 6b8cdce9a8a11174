// From a picture to what MNIST would have made of it. These functions go into web pages as text: they may use nothing but
// one another.

/** A grey picture, row by row. */
export interface Grey {
  width: number
  height: number
  pixels: Float32Array
}

/** Ink as light on dark, from 0 to 1: inverted when the border is light, the background taken away. */
export function lightOnDark({ width, height, pixels }: Grey): Grey {
  let border = 0
  for (let x = 0; x < width; x++) border += pixels[x] + pixels[(height - 1) * width + x]
  for (let y = 0; y < height; y++) border += pixels[y * width] + pixels[(y + 1) * width - 1]
  border /= 2 * (width + height)
  const ink = border > 0.5 ? pixels.map(value => border - value) : pixels.map(value => value - border)
  const most = ink.reduce((a, b) => Math.max(a, b), 0)
  return { width, height, pixels: ink.map(value => (most < 0.05 ? 0 : Math.max(0, value / most))) }
}

/** Fit the ink into 20×20 by averaging areas, and put its centre of mass in the middle of 28×28. */
export function centred(picture: Grey): Float32Array {
  const [side, box] = [28, 20]
  const { left, top, width, height } = bounds(picture)
  const zoom = box / Math.max(width, height)
  const [columns, rows] = [Math.max(1, Math.round(width * zoom)), Math.max(1, Math.round(height * zoom))]
  const small = new Float32Array(columns * rows)
  let [mass, massX, massY] = [0, 0, 0]
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const value = area(
        picture,
        left + (x * width) / columns,
        top + (y * height) / rows,
        width / columns,
        height / rows,
      )
      small[y * columns + x] = value
      mass += value
      massX += value * (x + 0.5)
      massY += value * (y + 0.5)
    }
  const place = (centre: number, length: number) => Math.min(side - length, Math.max(0, Math.round(side / 2 - centre)))
  const [right, down] = [place(massX / mass, columns), place(massY / mass, rows)]
  const result = new Float32Array(side * side)
  for (let y = 0; y < rows; y++) result.set(small.subarray(y * columns, (y + 1) * columns), (y + down) * side + right)
  return result
}

/** The smallest rectangle that holds the ink. */
export function bounds({ width, height, pixels }: Grey) {
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (pixels[y * width + x] > 0.2) {
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
  return { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/** Mean of the picture over a rectangle with corners between the pixels. */
export function area(
  { width: stride, pixels }: Grey,
  left: number,
  top: number,
  width: number,
  height: number,
): number {
  let sum = 0
  for (let y = Math.floor(top); y < top + height - 1e-9; y++) {
    const tall = Math.min(y + 1, top + height) - Math.max(y, top)
    for (let x = Math.floor(left); x < left + width - 1e-9; x++)
      sum += tall * (Math.min(x + 1, left + width) - Math.max(x, left)) * (pixels[y * stride + x] || 0)
  }
  return sum / (width * height)
}
