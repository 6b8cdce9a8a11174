import { schedule } from './schedule.ts'

const initialLearningRate = 0.01

/** initial · rate^(step / decaySteps); `staircase` counts whole decaySteps only. PyTorch's ExponentialLR has decaySteps 1. */
export const exponentialDecay = schedule(
  'exponentialDecay',
  { initialLearningRate, decaySteps: 1000, decayRate: 0.96, staircase: false },
  'initialLearningRate * decayRate^(staircase ? floor(step / decaySteps) : step / decaySteps)',
)

/** initial / (1 + rate · step / decaySteps). */
export const inverseTimeDecay = schedule(
  'inverseTimeDecay',
  { initialLearningRate, decaySteps: 1000, decayRate: 0.5, staircase: false },
  'initialLearningRate / (1 + decayRate * (staircase ? floor(step / decaySteps) : step / decaySteps))',
)

/** From initial to end as (1 − step / decaySteps)^power; `cycle` starts again, each time over more steps. */
export const polynomialDecay = schedule(
  'polynomialDecay',
  { initialLearningRate, decaySteps: 1000, endLearningRate: 1e-4, power: 1, cycle: false },
  `let all = cycle ? decaySteps * max(ceil(step / decaySteps), 1) : decaySteps;
   (initialLearningRate - endLearningRate) * (1 - (cycle ? step : min(step, decaySteps)) / all)^power + endLearningRate`,
)

/** values[0] up to boundaries[0], values[1] up to boundaries[1], …, the last value from then on. */
export const piecewiseConstantDecay = schedule(
  'piecewiseConstantDecay',
  { boundaries: [1000] as readonly number[], values: [0.01, 0.001] as readonly number[] },
  ({ boundaries, values }) =>
    `${boundaries.map((b, i) => `step <= ${b} ? ${values[i]} : `).join('')}${values[boundaries.length]}`,
)

/**
 * Half a cosine from initial to alpha · initial over decaySteps; with a warmupTarget first a line from initial to it over
 * warmupSteps, and the cosine from there. Loshchilov & Hutter 2017.
 */
export const cosineDecay = schedule(
  'cosineDecay',
  { initialLearningRate, decaySteps: 1000, alpha: 0, warmupTarget: 0, warmupSteps: 0 },
  `let warm = warmupTarget > 0;
   let from = warm ? warmupTarget : initialLearningRate;
   let done = clamp((warm ? step - warmupSteps : step) / decaySteps, 0, 1);
   warm && step < warmupSteps ? initialLearningRate + (warmupTarget - initialLearningRate) * step / warmupSteps :
   from * ((1 - alpha) * (1 + cos(pi * done)) / 2 + alpha)`,
)

/** The same cosine again and again, each time tMul times as long and from mMul times as high. Loshchilov & Hutter 2017. */
export const cosineDecayRestarts = schedule(
  'cosineDecayRestarts',
  { initialLearningRate, firstDecaySteps: 1000, tMul: 2, mMul: 1, alpha: 0 },
  `let done = step / firstDecaySteps;
   let i = floor((tMul == 1 ? done : log(1 - done * (1 - tMul)) / log(tMul)) + 1e-12);
   let part = tMul == 1 ? done - i : (done - (1 - tMul^i) / (1 - tMul)) / tMul^i;
   initialLearningRate * ((1 - alpha) * mMul^i * (1 + cos(pi * max(part, 0))) / 2 + alpha)`,
)

/** initial · gamma^⌊step / stepSize⌋. PyTorch's StepLR. */
export const stepDecay = schedule(
  'stepDecay',
  { initialLearningRate, stepSize: 1000, gamma: 0.1 },
  'initialLearningRate * gamma^floor(step / stepSize)',
)

/** initial · gamma for each milestone reached. PyTorch's MultiStepLR. */
export const multiStepDecay = schedule(
  'multiStepDecay',
  { initialLearningRate, milestones: [1000] as readonly number[], gamma: 0.1 },
  ({ milestones }) => `initialLearningRate * gamma^(${milestones.map(m => `(step >= ${m})`).join(' + ') || '0'})`,
)

/** initial · factor for so many steps, then initial. PyTorch's ConstantLR. */
export const constantThenFull = schedule(
  'constantThenFull',
  { initialLearningRate, factor: 1 / 3, totalSteps: 5 },
  'initialLearningRate * (step < totalSteps ? factor : 1)',
)

/** A line from startFactor · initial to endFactor · initial. PyTorch's LinearLR. */
export const linear = schedule(
  'linear',
  { initialLearningRate, startFactor: 1 / 3, endFactor: 1, totalSteps: 5 },
  'initialLearningRate * (startFactor + (endFactor - startFactor) * min(step, totalSteps) / totalSteps)',
)

/** A cosine wave between initial and end with a half period of decaySteps. PyTorch's CosineAnnealingLR. */
export const cosineAnnealing = schedule(
  'cosineAnnealing',
  { initialLearningRate, decaySteps: 1000, endLearningRate: 0 },
  'endLearningRate + (initialLearningRate - endLearningRate) * (1 + cos(pi * step / decaySteps)) / 2',
)

/** PyTorch's CosineAnnealingWarmRestarts: falls to end over firstDecaySteps, jumps back, tMul times as long each time. */
export const cosineWarmRestarts = schedule(
  'cosineWarmRestarts',
  { initialLearningRate, firstDecaySteps: 1000, tMul: 1, endLearningRate: 0 },
  `let done = step / firstDecaySteps;
   let i = floor((tMul == 1 ? done : log(1 - done * (1 - tMul)) / log(tMul)) + 1e-12);
   let part = tMul == 1 ? done - i : (done - (1 - tMul^i) / (1 - tMul)) / tMul^i;
   endLearningRate + (initialLearningRate - endLearningRate) * (1 + cos(pi * max(part, 0))) / 2`,
)

/**
 * Up a line from base to max and down again; `mode` 'triangular', 'triangular2' (half as high each time) or 'expRange'
 * (times gamma^step). PyTorch's CyclicLR; stepSizeDown 0 is as long as up. Smith 2017.
 */
export const cyclic = schedule(
  'cyclic',
  {
    ...{ baseLearningRate: 0.001, maxLearningRate: 0.01, stepSizeUp: 2000, stepSizeDown: 0 },
    ...{ mode: 'triangular' as 'triangular' | 'triangular2' | 'expRange', gamma: 1 },
  },
  ({ mode }) => {
    const scale = { triangular2: '1 / 2^(cycle - 1)', expRange: 'gamma^step', triangular: '1' }[mode]
    return `let all = stepSizeUp + (stepSizeDown > 0 ? stepSizeDown : stepSizeUp);
            let cycle = floor(1 + step / all);
            let x = 1 + step / all - cycle;
            let up = stepSizeUp / all;
            let height = x <= up ? x / up : (x - 1) / (up - 1);
            baseLearningRate + (maxLearningRate - baseLearningRate) * height * (${scale})`
  },
)

/**
 * Up from max / divFactor to max in the first pctStart of totalSteps, then down to max / divFactor / finalDivFactor;
 * `threePhase` goes down to max / divFactor at the pace it went up, and to the end from there. Each way a half cosine, or
 * a line with annealStrategy 'linear'. PyTorch's OneCycleLR; Smith & Topin 2018.
 */
export const oneCycle = schedule(
  'oneCycle',
  {
    ...{ maxLearningRate: 0.01, totalSteps: 1000, pctStart: 0.3, divFactor: 25, finalDivFactor: 1e4 },
    ...{ annealStrategy: 'cos' as 'cos' | 'linear', threePhase: false },
  },
  ({ annealStrategy, threePhase }) => {
    const way = (from: string, to: string, share: string) =>
      annealStrategy === 'cos'
        ? `${to} + (${from} - ${to}) / 2 * (1 + cos(pi * (${share})))`
        : `${from} + (${to} - ${from}) * (${share})`
    const down = threePhase
      ? `step <= second ? ${way('maxLearningRate', 'first', '(step - peak) / (second - peak)')} :
         ${way('first', 'last', '(step - second) / (totalSteps - 1 - second)')}`
      : way('maxLearningRate', 'last', '(step - peak) / (totalSteps - 1 - peak)')
    return `let first = maxLearningRate / divFactor;
            let last = first / finalDivFactor;
            let peak = pctStart * totalSteps - 1;
            let second = 2 * pctStart * totalSteps - 2;
            step > totalSteps - 1 ? last : step <= peak ? ${way('first', 'maxLearningRate', 'step / peak')} : ${down}`
  },
)
