import { isName } from '../formula/node.ts'
import { type Choice, resolver } from './resolver.ts'
import { type Schedule, schedule } from './schedule.ts'
import * as schedules from './schedules.ts'

/** A schedule by name, made by its maker, or a formula of the step: '0.1 / (1 + step / 100)'. */
export type ScheduleChoice = Choice<Schedule, keyof typeof schedules> | (string & {})

const named = resolver<Schedule>('schedule', 'at', schedules, {
  texts: ['formula'],
  define: (name, { params, formula }: { params: Record<string, number>; formula: string }) =>
    schedule(name, params, formula),
})

export const resolveSchedule = (choice: ScheduleChoice): Schedule =>
  typeof choice === 'string' && !isName(choice) ? schedule('formula', {}, choice)() : named(choice)
