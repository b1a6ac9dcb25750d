// Dimensions as integer expressions over names (DESIGN E8): `batch`, `batch*time`, `3*hidden`, `floor((time+7)/8)`.
// An expression is kept as a sum of products, so that two ways of writing the same size compare equal.

interface Floor {
  readonly numerator: Dim
  readonly denominator: Dim
}

/** One factor: a named dimension, or a floored quotient that could not be simplified. */
type Atom = string | Floor

interface Term {
  readonly factor: number
  readonly atoms: readonly Atom[]
}

/** A dimension that is known only when a program runs. */
export class DimExpression {
  readonly text: string
  constructor(readonly terms: readonly Term[]) {
    this.text = terms.map(termText).join('+').replaceAll('+-', '-')
  }
  toString(): string {
    return this.text
  }
}

/** A size: a fixed number or an expression over named dimensions. */
export type Dim = number | DimExpression

/** A tensor's sizes, outermost first. */
export type Shape = readonly Dim[]

const atomText = (atom: Atom): string => (typeof atom === 'string' ? atom : `floor((${atom.numerator})/(${atom.denominator}))`)
const key = (term: Term): string => term.atoms.map(atomText).join('*')
const termText = (term: Term): string =>
  term.atoms.length === 0 ? String(term.factor) : term.factor === 1 ? key(term) : term.factor === -1 ? `-${key(term)}` : `${term.factor}*${key(term)}`

const terms = (dim: Dim): readonly Term[] => (typeof dim === 'number' ? (dim === 0 ? [] : [{ factor: dim, atoms: [] }]) : dim.terms)

function normalise(all: readonly Term[]): Dim {
  const byKey = new Map<string, Term>()
  for (const term of all) {
    const name = key(term)
    byKey.set(name, { factor: (byKey.get(name)?.factor ?? 0) + term.factor, atoms: term.atoms })
  }
  const kept = [...byKey.entries()].filter(([, term]) => term.factor !== 0)
  if (kept.length === 0) return 0
  if (kept.length === 1 && kept[0]![0] === '') return kept[0]![1].factor
  // the constant goes last, as one writes it
  kept.sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
  return new DimExpression(kept.map(([, term]) => term))
}

/** A named dimension, its size given by the feeds of a run. */
export function dim(name: string): DimExpression {
  if (!/^[a-z_][a-z0-9_]*$/i.test(name)) throw new Error(`dimension name ${JSON.stringify(name)}: expected letters, digits and underscores`)
  return new DimExpression([{ factor: 1, atoms: [name] }])
}

export const addDims = (a: Dim, b: Dim): Dim => normalise([...terms(a), ...terms(b)])

export const multiplyDims = (a: Dim, b: Dim): Dim =>
  normalise(
    terms(a).flatMap((x) =>
      terms(b).map((y) => ({
        factor: x.factor * y.factor,
        atoms: [...x.atoms, ...y.atoms].sort((p, q) => (atomText(p) < atomText(q) ? -1 : 1)),
      })),
    ),
  )

export const subtractDims = (a: Dim, b: Dim): Dim => addDims(a, multiplyDims(b, -1))

/** floor(a / b); exact divisions cancel: `3*batch / batch` is 3. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (typeof b === 'number' && b <= 0) throw new Error(`dimension ${a} divided by ${b}: expected a positive divisor`)
  if (typeof a === 'number' && typeof b === 'number') return Math.floor(a / b)
  const divisor = terms(b)
  if (divisor.length === 1) {
    const quotient = terms(a).map((term) => cancel(term, divisor[0]!))
    if (quotient.every((term) => term !== undefined)) return normalise(quotient)
  }
  return new DimExpression([{ factor: 1, atoms: [{ numerator: a, denominator: b }] }])
}

/** ceil(a / b). */
export const ceilDivideDims = (a: Dim, b: Dim): Dim => divideDims(addDims(a, subtractDims(b, 1)), b)

function cancel(term: Term, by: Term): Term | undefined {
  if (term.factor % by.factor !== 0) return undefined
  const left = [...term.atoms]
  for (const atom of by.atoms) {
    const at = left.findIndex((other) => atomText(other) === atomText(atom))
    if (at < 0) return undefined
    left.splice(at, 1)
  }
  return { factor: term.factor / by.factor, atoms: left }
}

export const sameDim = (a: Dim, b: Dim): boolean => (typeof a === 'number' || typeof b === 'number' ? a === b : a.text === b.text)
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => sameDim(size, b[i]!))
export const shapeText = (shape: Shape): string => `[${shape.join(', ')}]`

/** The number of elements. */
export const sizeOf = (shape: Shape): Dim => shape.reduce<Dim>((product, size) => multiplyDims(product, size), 1)

/** The names an expression depends on. */
export function namesIn(size: Dim): string[] {
  const names = terms(size).flatMap((term) =>
    term.atoms.flatMap((atom) => (typeof atom === 'string' ? [atom] : [...namesIn(atom.numerator), ...namesIn(atom.denominator)])),
  )
  return [...new Set(names)]
}

/** The value of an expression, given the named sizes. @throws where a name is missing. */
export function evaluateDim(size: Dim, sizes: ReadonlyMap<string, number>): number {
  if (typeof size === 'number') return size
  let total = 0
  for (const term of size.terms) {
    let product = term.factor
    for (const atom of term.atoms) {
      if (typeof atom === 'string') {
        const value = sizes.get(atom)
        if (value === undefined) throw new Error(`dimension ${atom} is not known: no input of this run has it in its shape`)
        product *= value
      } else product *= Math.floor(evaluateDim(atom.numerator, sizes) / evaluateDim(atom.denominator, sizes))
    }
    total += product
  }
  return total
}

/** The same expression with some names replaced by sizes. */
export function substituteDim(size: Dim, sizes: ReadonlyMap<string, Dim>): Dim {
  if (typeof size === 'number') return size
  return size.terms.reduce<Dim>((total, term) => {
    const product = term.atoms.reduce<Dim>(
      (value, atom) =>
        multiplyDims(
          value,
          typeof atom === 'string'
            ? (sizes.get(atom) ?? dim(atom))
            : divideDims(substituteDim(atom.numerator, sizes), substituteDim(atom.denominator, sizes)),
        ),
      term.factor,
    )
    return addDims(total, product)
  }, 0)
}

/** A form that survives JSON and messages between threads. */
export type PlainDim = number | { terms: { factor: number; atoms: (string | { numerator: PlainDim; denominator: PlainDim })[] }[] }

export const plainDim = (size: Dim): PlainDim =>
  typeof size === 'number'
    ? size
    : {
        terms: size.terms.map((term) => ({
          factor: term.factor,
          atoms: term.atoms.map((atom) =>
            typeof atom === 'string' ? atom : { numerator: plainDim(atom.numerator), denominator: plainDim(atom.denominator) },
          ),
        })),
      }

export const dimFromPlain = (plain: PlainDim): Dim =>
  typeof plain === 'number'
    ? plain
    : new DimExpression(
        plain.terms.map((term) => ({
          factor: term.factor,
          atoms: term.atoms.map((atom) =>
            typeof atom === 'string' ? atom : { numerator: dimFromPlain(atom.numerator), denominator: dimFromPlain(atom.denominator) },
          ),
        })),
      )
