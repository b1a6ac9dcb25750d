// Text into HTML and SVG. Everything that comes from outside goes through `escaped`: texts of users hold `<script>` sooner or later.

/** `text` with the five characters that mean something in HTML (also within attributes) replaced. */
export function escaped(text: string | number): string {
  return String(text).replace(/[&<>"']/g, (character) => entities[character]!)
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** An element: attributes are escaped, children are HTML already (escaped texts yourself). */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? round(value) : value)}"`)
  return `<${name}${written.join('')}>${children.join('')}</${name}>`
}

/** A coordinate with at most two digits after the point: half the size of the file. */
export const round = (value: number): number => Math.round(value * 100) / 100
