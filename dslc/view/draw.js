// Draws what has been laid out, as SVG.

const SVG = "http://www.w3.org/2000/svg"
const FONT = { title: '600 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', small: '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif' }
const SIZE = { line: 18, least: 58, row: 32, high: 46, symbol: 34, low: 28, text: 15, stack: 4 }

const canvas = document.createElement("canvas").getContext("2d")
const widths = new Map()

function textWidth(text, font) {
  const key = `${font} ${text}`
  if (!widths.has(key)) {
    canvas.font = FONT[font]
    widths.set(key, Math.ceil(canvas.measureText(text).width))
  }
  return widths.get(key)
}

const isRepeated = (item) => (item.count ?? 1) !== 1
const times = (item) => (isRepeated(item) ? `× ${item.count.toLocaleString("en")}` : "")
const isSymbol = (item) => item.kind === "layer" && !item.subtitle && item.title.length <= 2

const measure = {
  item(item) {
    if (isSymbol(item)) return { width: SIZE.symbol, height: SIZE.low }
    const badge = times(item) ? textWidth(times(item), "small") + 20 : 0
    const chevron = item.kind === "box" ? 16 : 0
    const title = textWidth(item.title, "title") + badge + chevron
    const width = Math.max(title, textWidth(item.subtitle ?? "", "small") + chevron, SIZE.least - 28) + 28
    return { width: 2 * Math.ceil(width / 2), height: item.subtitle ? SIZE.high : SIZE.row }
  },
  header: (item) => headed(item).end + 10,
  text: (label) => ({ width: textWidth(label, "small") + 10, height: SIZE.text }),
}

function element(name, attributes, ...inside) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value)
  made.append(...inside)
  return made
}

// All of the drawing as one group: open boxes, then arrows, then what stands on them.
function paint(view, plan) {
  const layers = { open: [], edges: [], texts: [], items: [] }
  for (const place of plan.items) (place.open ? layers.open : layers.items).push(paintItem(view, place))
  const drawn = new Set()
  for (const edge of plan.edges) layers.edges.push(paintEdge(view, edge, drawn))
  for (const text of plan.texts) layers.texts.push(paintText(text))
  return element("g", {}, ...Object.entries(layers).map(([name, inside]) => element("g", { class: name }, ...inside)))
}

function paintItem(view, place) {
  const item = view.items[place.at]
  const classes = ["item", item.kind, place.open && "is-open", item.backward && "backward", isSymbol(item) && "symbol"]
  const attributes = {
    class: classes.filter(Boolean).join(" "),
    transform: `translate(${place.x} ${place.y})`,
    tabindex: 0,
    role: "button",
    "data-item": place.at,
    "data-width": place.width,
    "data-height": place.height,
    "aria-label": spoken(item),
    "aria-expanded": item.kind === "box" ? String(Boolean(place.open)) : undefined,
    style: hueOf(item.family),
  }
  return element("g", attributes, ...(place.open ? frame(item, place) : body(item, place)))
}

const hueOf = (family) => (family in DATA.hues ? `--hue: ${DATA.hues[family][0]}; --tone: ${DATA.hues[family][1]}` : undefined)

function spoken(item) {
  const kind = item.kind === "box" ? "box " : item.kind === "layer" ? "" : `${item.kind} `
  return [kind + item.title, isRepeated(item) && `${item.count} times`, item.subtitle].filter(Boolean).join(", ")
}

function rect(className, x, y, width, height, rx) {
  return element("rect", { class: className, x, y, width, height, rx })
}

// Where the note in the header of an open box begins, and where the header ends.
function headed(item) {
  const note = 24 + textWidth(item.title, "title") + (times(item) ? textWidth(times(item), "small") + 20 : 0) + 10
  return { note, end: item.note ? note + textWidth(item.note, "small") : note - 10 }
}

function frame(item, { width, height }) {
  return [
    rect("back", 0, 0, width, height, 10),
    rect("header", 0, 0, width, PAD.header, 10),
    chevron(14, 15, true),
    ...titleAt(item, 24, 19.5, "start"),
    ...(item.note ? [element("text", { class: "small", x: headed(item).note, y: 19.5 }, item.note)] : []),
  ]
}

function body(item, { width, height }) {
  if (isSymbol(item)) return [rect("back", 0, 0, width, height, 9), middle(item.title, width / 2, height / 2 + 5.5)]
  const isBox = item.kind === "box"
  const round = item.kind === "input" || item.kind === "output" ? height / 2 : 8
  const shapes = isRepeated(item) ? [2, 1].map((at) => rect("back sheet", at * SIZE.stack, at * SIZE.stack, width, height, round)) : []
  shapes.push(rect("back", 0, 0, width, height, round))
  if (item.family && !isBox && item.kind === "layer") shapes.push(rect("family", 5, 8, 3, height - 16, 1.5))
  if (isBox) shapes.push(chevron(15, height / 2, false))
  const center = width / 2 + (isBox ? 8 : item.family && item.kind === "layer" ? 3 : 0)
  const high = item.subtitle ? 20 : height / 2 + 4.5
  shapes.push(...titleAt(item, center, high, "middle"))
  if (item.subtitle) shapes.push(element("text", { class: "small", x: center, y: 36, "text-anchor": "middle" }, item.subtitle))
  return shapes
}

const middle = (text, x, y) => element("text", { class: "title", x, y, "text-anchor": "middle" }, text)

function chevron(x, y, isDown) {
  return element("path", { class: "chevron", d: "M-2.5 -4 L2 0 L-2.5 4", transform: `translate(${x} ${y})${isDown ? " rotate(90)" : ""}` })
}

// The title, and the count of a repeat as a badge after it.
function titleAt(item, x, y, anchor) {
  const count = times(item)
  if (!count) return [element("text", { class: "title", x, y, "text-anchor": anchor }, item.title)]
  const [title, badge] = [textWidth(item.title, "title"), textWidth(count, "small") + 12]
  const start = anchor === "start" ? x : x - (title + 8 + badge) / 2
  return [
    element("text", { class: "title", x: start, y }, item.title),
    rect("badge", start + title + 8, y - 13, badge, 17, 8.5),
    element("text", { class: "count", x: start + title + 8 + badge / 2, y: y - 1, "text-anchor": "middle" }, count),
  ]
}

// `way` is the whole arrow, seen when it is lit; `line` is what no other arrow of its net has drawn before.
function paintEdge(view, { net, end, points }, drawn) {
  const isKept = !view.items[net.from].backward && view.items[end].backward
  const [x, y] = points.at(-1)
  const pieces = bends([...points.slice(0, -1), [x, y - 5]])
  const fresh = pieces.filter(([start, bend]) => !drawn.has(`${net.id} ${start} ${bend}`))
  for (const [start, bend] of fresh) drawn.add(`${net.id} ${start} ${bend}`)
  return element(
    "g",
    { class: `edge${isKept ? " kept" : ""}`, "data-from": net.from, "data-to": end },
    element("path", { class: "line", d: joined(fresh) }),
    element("path", { class: "way", d: joined(pieces) }),
    element("path", { class: "head", d: `M${x - 4} ${y - 6} L${x} ${y} L${x + 4} ${y - 6} Z` }),
    element("title", {}, [...new Set(net.types)].join("\n")),
  )
}

// Straight where two points stand below one another, else a bend that starts and ends upright.
function bends(points) {
  return points.slice(1).map(([x, y], at) => {
    const [beforeX, beforeY] = points[at]
    const half = (beforeY + y) / 2
    const isStraight = Math.abs(x - beforeX) < 0.5
    return [`${beforeX} ${beforeY}`, isStraight ? `L${x} ${y}` : `C${beforeX} ${half} ${x} ${half} ${x} ${y}`, `${x} ${y}`]
  })
}

// One path; a piece that starts where the one before it ends goes on from there.
function joined(pieces) {
  return pieces.map(([start, bend], at) => (at && pieces[at - 1][2] === start ? bend : `M${start} ${bend}`)).join(" ")
}

function paintText({ label, net, x, y, height }) {
  return element("text", { class: "shape", x: x + 6, y: y + height / 2 + 4, "data-net": net }, label)
}
