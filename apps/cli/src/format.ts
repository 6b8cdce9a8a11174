/** A whole number with separators: 10,000. */
export const count = (value: number) => value.toLocaleString('en-US')

/** A share as a percentage. */
export const percent = (share: number, digits = 2) => `${(100 * share).toFixed(digits)} %`

/** A metric as Keras prints it: four decimals, or an exponent where these would show nothing. */
export function metric(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) > 1e-3 || value === 0) return value.toFixed(4)
  return value.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** 9s, 1:02 or 1:00:05. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole}s`
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** Time of one step: 2.1s/step, 21ms/step or 210us/step. */
export function pace(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)}s/step`
  if (milliseconds >= 1) return `${Math.round(milliseconds)}ms/step`
  return `${Math.round(milliseconds * 1000)}us/step`
}

/** A size in bytes: 812 B, 1.4 KB, 12.3 MB. */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  let unit = 0
  for (; bytes >= 1000 && unit < units.length - 1; unit++) bytes /= 1000
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`
}
