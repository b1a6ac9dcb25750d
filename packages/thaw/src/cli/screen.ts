// What commands share in what they print: named lines, and the discipline of streams. What happens goes to stderr; what was asked for (reports,
// predictions) goes to stdout, so that it can be piped.

/** A line with a name in front: `model        5.24 M parameters`. */
export const named = (name: string, text: string): string => `${name.padEnd(11)} ${text}`

/** Prints a line of what happens. */
export const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Prints a line of a result. */
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

/** A small number as people write rates: `0.001`, `6.5e-5`. */
export const shortNumber = (value: number): string => {
  const text = String(Number(value.toPrecision(3)))
  return text.length > 6 ? value.toExponential() : text
}

/** A share as per cent with one digit. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** A word of the command line, quoted where a shell would split it. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
