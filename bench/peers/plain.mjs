import { emit, run } from '../adaptor.mjs'
import { normals, people, planar } from '../data.mjs'
import { quick, repeat } from '../timing.mjs'

const sigmoid = z => 1 / (1 + Math.exp(-z))

/** Loops over single numbers, by hand: what plain JavaScript does without any library. */
await run({
  async W4() {
    const { x, y } = planar()
    const make = () => ({ W1: normals(8, 2, 0.01), b1: new Float32Array(4), W2: normals(4, 3, 0.01) })
    let cost
    const timed = await repeat(quick ? 1 : 3, make, ({ W1, b1, W2 }) => {
      let b2 = 0
      const [a, dW1, db1, dW2] = [4, 8, 4, 4].map(n => new Float32Array(n))
      const rate = 0.005 / 400
      for (let step = 0; step < 10_000; step++) {
        for (const sums of [dW1, db1, dW2]) sums.fill(0)
        let db2 = 0
        cost = 0
        for (let i = 0; i < 400; i++) {
          const [x0, x1] = [x[2 * i], x[2 * i + 1]]
          let z = b2
          for (let j = 0; j < 4; j++) {
            a[j] = Math.tanh(W1[2 * j] * x0 + W1[2 * j + 1] * x1 + b1[j])
            z += W2[j] * a[j]
          }
          const p = sigmoid(z)
          const dz = p - y[i]
          cost -= y[i] ? Math.log(p) : Math.log(1 - p)
          db2 += dz
          for (let j = 0; j < 4; j++) {
            dW2[j] += dz * a[j]
            const d = dz * W2[j] * (1 - a[j] * a[j])
            dW1[2 * j] += d * x0
            dW1[2 * j + 1] += d * x1
            db1[j] += d
          }
        }
        for (let j = 0; j < 8; j++) W1[j] -= rate * dW1[j]
        for (let j = 0; j < 4; j++) {
          b1[j] -= rate * db1[j]
          W2[j] -= rate * dW2[j]
        }
        b2 -= rate * db2
      }
    })
    emit('10,000 steps', timed, 's', 1, { loss: cost / 400 })
  },
  async W5() {
    let seed = 0
    let loss
    const timed = await repeat(
      quick ? 3 : 9,
      () => normals(9, ++seed),
      start => {
        let [w1, w2, w3, w4, w5, w6, b1, b2, b3] = start
        const hidden = x => [sigmoid(w1 * x[0] + w2 * x[1] + b1), sigmoid(w3 * x[0] + w4 * x[1] + b2)]
        for (let epoch = 0; epoch < 1000; epoch++) {
          for (let i = 0; i < 4; i++) {
            const [x0, x1] = people.x[i]
            const h1 = sigmoid(w1 * x0 + w2 * x1 + b1)
            const h2 = sigmoid(w3 * x0 + w4 * x1 + b2)
            const o = sigmoid(w5 * h1 + w6 * h2 + b3)
            const d = -0.2 * (people.y[i] - o) * o * (1 - o)
            const d1 = d * w5 * h1 * (1 - h1)
            const d2 = d * w6 * h2 * (1 - h2)
            w5 -= d * h1
            w6 -= d * h2
            b3 -= d
            w1 -= d1 * x0
            w2 -= d1 * x1
            b1 -= d1
            w3 -= d2 * x0
            w4 -= d2 * x1
            b2 -= d2
          }
          if (epoch % 10) continue
          loss = 0
          people.x.forEach((x, i) => {
            const [h1, h2] = hidden(x)
            loss += (sigmoid(w5 * h1 + w6 * h2 + b3) - people.y[i]) ** 2 / 4
          })
        }
      },
    )
    emit('1,000 epochs', timed, 's', 1, { loss })
  },
})
