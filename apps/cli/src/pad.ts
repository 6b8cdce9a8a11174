import type { centred, Grey, lightOnDark } from './ink.ts'

/** What a page has to show answers with. */
export type Show = (values: ArrayLike<number> | undefined, milliseconds?: number) => void

type Predict = (x: ArrayLike<number>) => Float32Array

/** Answers as bars. Goes into a page as text: it may use nothing but what it is given. */
export function bars(labels: readonly string[]): Show {
  const list = document.querySelector('#bars') as HTMLElement
  const answer = document.querySelector('#answer') as HTMLElement
  const time = document.querySelector('#time') as HTMLElement
  const rows = labels.map(label => {
    const [row, name, track, bar, value] = ['li', 'b', 'i', 's', 'output'].map(tag => document.createElement(tag))
    name.textContent = label
    track.append(bar)
    row.append(name, track, value)
    list.append(row)
    return { row, bar, value }
  })
  return (values, milliseconds) => {
    const given = Array.from(values ?? [])
    const best = given.indexOf(Math.max(...given))
    const shares = given.every(value => value >= 0 && value <= 1)
    const [least, most] = [Math.min(0, ...given), Math.max(0, ...given)]
    for (const [i, { row, bar, value }] of rows.entries()) {
      const share = shares ? given[i] : (given[i] - least) / (most - least || 1)
      row.className = i === best ? 'best' : ''
      bar.style.width = values ? `${100 * share}%` : '0'
      value.textContent = values ? (shares ? `${(100 * share).toFixed(1)} %` : given[i].toPrecision(4)) : ''
    }
    answer.textContent = values && rows.length > 1 ? labels[best] : ''
    time.textContent = milliseconds === undefined ? '' : `${milliseconds.toFixed(1)} ms`
  }
}

/** A pad to draw on: every change is read at once. Goes into a page as text. */
export function pad(predict: Predict, show: Show, ink: { lightOnDark: typeof lightOnDark; centred: typeof centred }) {
  const canvas = document.querySelector('#pad') as HTMLCanvasElement
  const seen = document.querySelector('#seen') as HTMLCanvasElement
  const [paper, small] = [canvas, seen].map(c => c.getContext('2d', { willReadFrequently: true })!)
  const { width, height } = canvas
  let strokes: [number, number][][] = []
  let waiting = false

  const place = ({ clientX, clientY }: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect()
    return [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height]
  }
  const draw = () => {
    waiting = false
    paper.clearRect(0, 0, width, height)
    paper.lineWidth = width / 13
    paper.lineCap = paper.lineJoin = 'round'
    paper.strokeStyle = getComputedStyle(canvas).color
    for (const stroke of strokes) {
      paper.beginPath()
      paper.moveTo(...stroke[0])
      for (const point of stroke) paper.lineTo(...point) // to itself first: a tap is a dot
      paper.stroke()
    }
    document.body.classList.toggle('empty', strokes.length === 0)
    small.clearRect(0, 0, 28, 28)
    if (strokes.length === 0) return show(undefined)
    const start = performance.now()
    const { data } = paper.getImageData(0, 0, width, height)
    const picture: Grey = { width, height, pixels: new Float32Array(width * height) }
    for (let i = 0; i < picture.pixels.length; i++) picture.pixels[i] = data[4 * i + 3] / 255
    const digit = ink.centred(ink.lightOnDark(picture))
    const values = predict(digit)
    show(values, performance.now() - start)
    const image = small.createImageData(28, 28)
    const [red, green, blue] = paper.strokeStyle.match(/\w\w/g)!.map(part => Number.parseInt(part, 16))
    for (let i = 0; i < digit.length; i++) image.data.set([red, green, blue, 255 * digit[i]], 4 * i)
    small.putImageData(image, 0, 0)
  }
  const change = () => {
    if (!waiting) requestAnimationFrame(draw)
    waiting = true
  }
  const clear = () => {
    strokes = []
    change()
  }
  canvas.addEventListener('pointerdown', event => {
    if (event.button !== 0) return
    event.preventDefault()
    canvas.setPointerCapture(event.pointerId)
    strokes.push([place(event)])
    change()
  })
  canvas.addEventListener('pointermove', event => {
    if (!canvas.hasPointerCapture(event.pointerId)) return
    for (const part of event.getCoalescedEvents?.() ?? [event]) strokes[strokes.length - 1].push(place(part))
    change()
  })
  document.querySelector('#clear')!.addEventListener('click', clear)
  document.querySelector('#undo')!.addEventListener('click', () => {
    strokes.pop()
    change()
  })
  addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' || key === 'Delete') clear()
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', change)
  draw()
}

/** Fields for a few numbers: every change is computed at once. Goes into a page as text. */
export function form(predict: Predict, show: Show) {
  const fields = Array.from(document.querySelectorAll<HTMLInputElement>('#form input'))
  const change = () => {
    const start = performance.now()
    const x = fields.map(field => field.valueAsNumber)
    if (x.every(Number.isFinite)) show(predict(x), performance.now() - start)
    else show(undefined)
  }
  for (const field of fields) field.addEventListener('input', change)
  change()
}
