// What commands share in what they print: named lines, and the discipline of streams. What happens goes to stderr; what was asked for (reports,
// predictions) goes to stdout, so that it can be piped.

/** Columns a name takes. */
const nameWidth = 11

/**
 * A line with a name in front: `model       5.24 M parameters`. Where it goes to a terminal that is too narrow, it goes on in further lines under the text;
 * in a file or pipe a line stays a line.
 */
export function named(name: string, text: string, { columns = Number.POSITIVE_INFINITY }: { columns?: number } = process.stderr): string {
  const room = Math.max(20, columns - nameWidth - 2)
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > room) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line, i) => `${(i === 0 ? name : '').padEnd(nameWidth)} ${line}`.trimEnd()).join('\n')
}

/** The same for what goes to stdout. */
export const namedResult = (name: string, text: string): string => named(name, text, process.stdout)

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

/** A word of the command line, quoted where a shell would split it: as POSIX shells want it, on Windows as cmd.exe and PowerShell do. */
export function shellWord(text: string, platform: string = process.platform): string {
  if (/^[\w@%+=:,./~-]+$/.test(text)) return text
  return platform === 'win32' ? `"${text.replaceAll('"', '\\"')}"` : `'${text.replaceAll("'", "'\\''")}'`
}

/** How this program was called, for commands to copy: where it is installed in a project only, no shell knows `thaw`. npm says so to what `npx` runs. */
export const calledAs = process.env.npm_command === 'exec' ? 'npx thaw' : 'thaw'
