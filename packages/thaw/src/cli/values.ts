// What may stand after an option: text from the command line to numbers and lists, with errors that say what was expected.

import { InvalidArgumentError } from 'commander'

type Parse<T> = (text: string) => T

const parsed =
  (expected: string, fits: (value: number) => boolean): Parse<number> =>
  (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value) || !fits(value)) throw new InvalidArgumentError(`Expected ${expected}.`)
    return value
  }

/** A whole number of at least 1. */
export const count = parsed('a whole number of at least 1', (value) => Number.isSafeInteger(value) && value >= 1)
/** A whole number of at least 0. */
export const countOrNone = parsed('a whole number of at least 0', (value) => Number.isSafeInteger(value) && value >= 0)
/** A number above 0, like 1e-3. */
export const positive = parsed('a number above 0, like 0.001 or 1e-3', (value) => value > 0)
/** A number of at least 0. */
export const nonNegative = parsed('a number of at least 0', (value) => value >= 0)
/** A probability below 1. */
export const probability = parsed('a number from 0 up to, not including, 1', (value) => value >= 0 && value < 1)
/** A share of the whole, above 0 and below 1. */
export const share = parsed('a number between 0 and 1, both excluded', (value) => value > 0 && value < 1)

/** Names with commas between them. */
export const names: Parse<string[]> = (text) => {
  const list = text.split(',').map((name) => name.trim())
  if (list.includes('')) throw new InvalidArgumentError('Expected a name, or several with commas between them.')
  return list
}

/** `0,5`: a lower and a higher number. */
export const range: Parse<[number, number]> = (text) => {
  const [low, high, ...more] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (more.length > 0 || !Number.isFinite(low) || !Number.isFinite(high) || low! >= high!)
    throw new InvalidArgumentError('Expected a lower and a higher number with a comma between them, like 0,5.')
  return [low!, high!]
}

/** `hidden=128,layers=2` as an object; values that are numbers become numbers, true and false booleans. */
export const pairs: Parse<Record<string, string | number | boolean>> = (text) =>
  Object.fromEntries(
    names(text).map((pair) => {
      const [, name, value] = /^([A-Za-z][\w-]*)=(.+)$/.exec(pair) ?? []
      if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name=value, or several with commas between them.')
      return [name, value === 'true' ? true : value === 'false' ? false : Number.isFinite(Number(value)) ? Number(value) : value]
    }),
  )

/** `balanced`, or `label=weight` with commas between them. */
export const weights: Parse<'balanced' | Record<string, number>> = (text) => {
  if (text === 'balanced') return text
  return Object.fromEntries(
    names(text).map((pair) => {
      const [, name, value] = /^(.+)=([^=]+)$/.exec(pair) ?? []
      if (name === undefined || !(Number(value) > 0))
        throw new InvalidArgumentError('Expected balanced, or label=weight, or several with commas between them.')
      return [name, Number(value)]
    }),
  )
}
