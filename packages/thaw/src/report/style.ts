// The look of a report: one stylesheet for light and dark, phone and paper, and the small script that shows the values under the pointer.
// Series colours after Okabe & Ito (2008), told apart with every common colour blindness; darkened or lightened for 3:1 on their ground.

/** Colours, for light and dark. */
const palette = `
:root { color-scheme: light dark; --ground: #fff; --panel: #f6f7f9; --ink: #1b1f24; --soft: #59636e; --rule: #dde1e6; --heat: #0067a8; --wrong: #b34700; --on-heat: #fff;
  --series-1: #0072b2; --series-2: #c45100; --series-3: #00805c; --series-4: #a8498a; --series-5: #8a6d00; --series-6: #2b8ac4; --series-7: #555c66 }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --panel: #1d2127; --ink: #e8eaed; --soft: #a0a8b2; --rule: #343a43; --heat: #58b0ea; --wrong: #f08a4b; --on-heat: #0b0d10;
  --series-1: #56b4e9; --series-2: #f08a4b; --series-3: #2fc49a; --series-4: #e08fc4; --series-5: #e3c14a; --series-6: #8ea8ff; --series-7: #b4bbc5 } }
`

/** What stands in a chart. */
const marks = `
.chart svg text { font: 12px system-ui, sans-serif; fill: var(--soft) }
.chart svg .name, .chart svg .value { font-size: 14px; fill: var(--ink) }
.grid { stroke: var(--rule) } .tick, .base { stroke: var(--soft) }
.curve { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round }
.dot, .bar { fill: var(--c) }
.whisker { fill: none; stroke: var(--ink); stroke-width: 1.5 }
`

/** For a chart that is a file of its own. */
export const drawingStyle = `${palette}${marks}.ground { fill: var(--ground) }
`

export const stylesheet = `${palette}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.1rem 4rem; max-width: 52rem; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere }
h2 { margin: 2.6rem 0 .4rem; font-size: 1.15rem }
p { margin: .4rem 0 .8rem; max-width: 44rem; overflow-wrap: anywhere }
.subtitle, .text { color: var(--soft) }
.scroll { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums }
.rows { width: 100% }
.rows th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--rule) }
.rows th, .rows td { padding: .38rem .9rem .38rem 0; vertical-align: top; white-space: nowrap }
.rows td { border-bottom: 1px solid var(--rule) }
.rows .long { white-space: normal; min-width: 12rem; overflow-wrap: anywhere }
.rows .number { text-align: right }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.4rem; margin: .6rem 0; padding: .9rem 1.1rem; background: var(--panel); border-radius: 8px; font-size: .92rem }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
figure { margin: .8rem 0; position: relative }
figure svg { display: block; width: 100%; height: auto }${marks}.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 .4rem; padding: 0; list-style: none; font-size: .88rem }
.legend li { display: flex; align-items: center; gap: .45rem }
.legend svg { width: 26px; flex: none }
.tip { position: absolute; pointer-events: none; padding: .25rem .55rem; border-radius: 5px; background: var(--ink); color: var(--ground); font-size: .8rem; transform: translate(-50%, calc(-100% - 10px)); white-space: nowrap }
.confusion td, .confusion th { padding: .4rem .6rem; text-align: right; border: 2px solid var(--ground) }
.confusion thead td { color: var(--soft); font-size: .8rem; text-align: left; white-space: nowrap }
.confusion th { font-weight: 600; white-space: nowrap }
.confusion tbody td { min-width: 3rem; background: color-mix(in srgb, var(--cell) var(--share), var(--panel)) }
.confusion .hit { --cell: var(--heat) } .confusion .miss { --cell: var(--wrong) }
.confusion .full { color: var(--on-heat) }
.predictions { list-style: none; margin: .6rem 0; padding: 0 }
.predictions > li { padding: .8rem 1rem; margin: .6rem 0; background: var(--panel); border-radius: 8px }
.predictions q { overflow-wrap: anywhere; quotes: none; font-weight: 500 }
.predictions .truth { color: var(--soft); font-size: .88rem }
.score { display: grid; grid-template-columns: minmax(5rem, 30%) 1fr 3.6rem; gap: .7rem; align-items: center; font-size: .9rem; margin-top: .3rem }
.score span { overflow-wrap: anywhere } .score b { font-weight: 400; text-align: right; font-variant-numeric: tabular-nums }
.score i { height: .6rem; border-radius: 3px; background: linear-gradient(var(--series-1) 0 0) 0 / var(--share) 100% no-repeat var(--rule) }
@media (max-width: 34rem) { .chart svg text { font-size: 22px } .chart svg .name, .chart svg .value { font-size: 24px } dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .5rem } }
@media print { body { max-width: none; padding: 0 } section { break-inside: avoid } }
`

/** Shows name and values of the point next to the pointer in each line chart. Needs no library and sends nothing. */
export const script = `
for (const figure of document.querySelectorAll('figure.lines')) {
  const svg = figure.querySelector(':scope > svg')
  const points = [...svg.querySelectorAll('.series')].flatMap((g) => JSON.parse(g.dataset.points).map((p) => [...p, g.dataset.name]))
  const tip = document.createElement('div')
  tip.className = 'tip'
  tip.hidden = true
  figure.append(tip)
  svg.querySelectorAll('title').forEach((title) => title.remove())
  svg.addEventListener('pointerleave', () => { tip.hidden = true })
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width
    const x = (event.clientX - box.left) / scale, y = (event.clientY - box.top) / scale
    let best, least = Infinity
    for (const p of points) { const d = (p[0] - x) ** 2 + (p[1] - y) ** 2; if (d < least) { least = d; best = p } }
    if (!best) return
    tip.hidden = false
    tip.textContent = best[4] + ': ' + best[3] + ' at ' + best[2]
    const half = tip.offsetWidth / 2
    tip.style.left = Math.min(Math.max(best[0] * scale, half), box.width - half) + 'px'
    tip.style.top = box.top - figure.getBoundingClientRect().top + best[1] * scale + 'px'
  })
}
`
