// Patterns over dotted paths (DESIGN D4): freezing, rates, adapters, regularizers and probes all say with them which parameters or sites they mean.
//   layers.3.attention.query.weight   that one          layers.*.attention.**   `*` is one part, `**` any number of parts (none too)
//   layers.{0,1}.**                   one of a list     !heads.**               all but these

/** Whether a path fits a pattern. @throws for an empty pattern or one with an unclosed list. */
export function matchesPath(pattern: string, path: string): boolean {
  if (pattern === '' || /\{[^}]*$/.test(pattern))
    throw new Error(`the pattern ${JSON.stringify(pattern)}: expected parts separated by dots, lists closed by }`)
  return fits(pattern.split('.'), path.split('.'))
}

function fits([first, ...rest]: readonly string[], parts: readonly string[]): boolean {
  if (first === undefined) return parts.length === 0
  if (first === '**') return fits(rest, parts) || (parts.length > 0 && fits([first, ...rest], parts.slice(1)))
  return parts.length > 0 && partPattern(first).test(parts[0]!) && fits(rest, parts.slice(1))
}

/**
 * Whether a path fits a list of patterns: one without `!` must fit (none given: all do), and none with `!` may.
 *
 *     matchesAny(['layers.**', '!**.bias'], 'layers.0.attention.query.bias')   // false
 */
export function matchesAny(patterns: readonly string[], path: string): boolean {
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'))
  const refused = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  return (wanted.length === 0 || wanted.some((pattern) => matchesPath(pattern, path))) && !refused.some((pattern) => matchesPath(pattern, path))
}

/**
 * The paths that fit. @throws where a pattern fits none of them, naming it and some of the paths: a pattern that is misspelt must not pass as one
 * that freezes or thaws nothing.
 */
export function selectPaths(patterns: readonly string[], paths: readonly string[]): string[] {
  for (const pattern of patterns) {
    const plain = pattern.replace(/^!/, '')
    if (!paths.some((path) => matchesPath(plain, path)))
      throw new Error(
        `the pattern ${JSON.stringify(pattern)} fits no path; there are ${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ', …' : ''}`,
      )
  }
  return paths.filter((path) => matchesAny(patterns, path))
}

const known = new Map<string, RegExp>()

function partPattern(part: string): RegExp {
  const before = known.get(part)
  if (before) return before
  const source = part
    .replace(/[$()+?^|[\]\\]/g, '\\$&')
    .replace(/\{([^}]*)\}/g, (_, list: string) => `(?:${list.split(',').join('|')})`)
    .replaceAll('*', '.*')
  const expression = new RegExp(`^${source}$`)
  known.set(part, expression)
  return expression
}
