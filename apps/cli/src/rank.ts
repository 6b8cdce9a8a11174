import type { Outcome } from './compare.ts'
import { duration, percent } from './format.ts'
import { deviation, holm, mean, welch } from './statistics.ts'

/** What all trainings with one activation came to. */
export interface Row {
  name: string
  count: number
  accuracies: number[]
  accuracy: number
  /** Standard deviation over the seeds. */
  spread: number
  /** Undefined when one of them became infinite. */
  loss?: number
  /** Of one training. */
  seconds: number
  dead?: number
  saturated?: number
  /** Mean accuracy after each epoch. */
  curve: number[]
  /** How likely the distance to the first row is by chance; undefined for the first and with one seed. */
  p?: number
}

/** 0.3s, 12s or 1:02. */
export const time = (seconds: number) => (seconds < 9.95 ? `${seconds.toFixed(1)}s` : duration(seconds))

/** The activations by their mean accuracy, each compared with the first. */
export function rank(outcomes: readonly Outcome[]): Row[] {
  const groups = new Map<string, Outcome[]>()
  for (const outcome of outcomes) groups.set(outcome.activation, [...(groups.get(outcome.activation) ?? []), outcome])
  const rows = [...groups].map(([name, own]): Row => {
    const average = (key: 'dead' | 'saturated' | 'loss') => {
      const values = own.map(outcome => outcome[key])
      return values.every(value => typeof value === 'number') ? mean(values as number[]) : undefined
    }
    const accuracies = own.map(({ accuracy }) => accuracy)
    return {
      name,
      count: own.length,
      accuracies,
      accuracy: mean(accuracies),
      spread: deviation(accuracies),
      loss: average('loss'),
      seconds: mean(own.map(({ seconds }) => seconds)),
      dead: average('dead'),
      saturated: average('saturated'),
      curve: own[0].curve.map((_, epoch) => mean(own.map(({ curve }) => curve[epoch]))),
    }
  })
  rows.sort((a, b) => b.accuracy - a.accuracy || (a.loss ?? Infinity) - (b.loss ?? Infinity))
  const [first, ...others] = rows
  const tested = others.filter(row => row.count > 1 && first.count > 1)
  const ps = holm(tested.map(row => welch(first.accuracies, row.accuracies).p))
  tested.forEach((row, i) => {
    row.p = ps[i]
  })
  return rows
}

/** What to choose and why, in plain words. */
export function verdict(rows: readonly Row[]): string {
  const [first, ...others] = rows
  const seeds = Math.min(...rows.map(({ count }) => count))
  const share = `${percent(first.accuracy)} of the held-out samples`
  if (others.length === 0) return `${first.name} reads ${share} right; compare it with another to learn more.`
  if (seeds < 2) return `${first.name} is ahead with ${share}, but one seed cannot tell skill from luck: use --seeds 5.`
  const worse = others.filter(({ p }) => p !== undefined && p < 0.05)
  const close = others.filter(row => !worse.includes(row))
  const fastest = [first, ...close].reduce((a, b) => (b.seconds < 0.8 * a.seconds ? b : a))
  const test = 'Welch’s t-test, p < 0.05 after Holm’s correction'
  const sentences =
    worse.length === 0
      ? [`No difference is larger than chance explains over ${seeds} seeds (${test}): any of them will do.`]
      : [
          `Choose ${first.name}: over ${seeds} seeds it reads ${share} right on average.`,
          `It is better than ${list(worse)} by more than chance explains (${test}).`,
          ...worse.flatMap(why),
        ]
  if (worse.length === 0) sentences.push(`${first.name} is ahead with ${share}.`)
  else if (close.length > 0) sentences.push(`It cannot be told from ${list(close)}.`)
  if (fastest !== first) sentences.push(`Of those as good, ${fastest.name} trains fastest (${time(fastest.seconds)}).`)
  return sentences.join(' ')
}

/** What is seen inside a network that explains why it is behind. */
function why({ name, dead = 0, saturated = 0, loss }: Row): string[] {
  if (loss === undefined) return [`With ${name} a training diverged.`]
  if (dead > 0.1) return [`With ${name}, ${percent(dead, 0)} of the hidden units are dead: they pass no gradient back.`]
  if (saturated > 0.25)
    return [`With ${name}, units pass on less than a hundredth of the gradient ${percent(saturated, 0)} of the time.`]
  return []
}

const list = (rows: readonly Row[]) => {
  const names = rows.map(({ name }) => name)
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`
}
