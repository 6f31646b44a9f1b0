// From the graph and the boxes that are open to a drawing: what is seen, which arrows join, where everything stands.

const PAD = { side: 14, bottom: 12, header: 30, edge: 8 }
const ROOT = -1

// For each item the thing that shows it: itself, or the outermost closed box around it.
function showing(view, open) {
  const shown = []
  view.items.forEach((item, at) => {
    const box = item.parent
    const isSeen = box === ROOT || (shown[box] === box && open.has(box))
    shown.push(isSeen ? at : shown[box])
  })
  return shown
}

// Boxes to open at first: level by level, as long as not too much is shown.
function openAtFirst(view, most) {
  const inside = childrenOf(view)
  const open = new Set()
  let [row, seen] = [inside.get(ROOT) ?? [], (inside.get(ROOT) ?? []).length]
  while (row.length) {
    const boxes = row.filter((at) => view.items[at].kind === "box")
    const next = boxes.flatMap((at) => inside.get(at) ?? [])
    if (!boxes.length || seen + next.length - boxes.length > most) break
    boxes.forEach((at) => open.add(at))
    seen += next.length - boxes.length
    row = next
  }
  return open
}

function childrenOf(view) {
  const inside = new Map()
  view.items.forEach((item, at) => inside.set(item.parent, [...(inside.get(item.parent) ?? []), at]))
  return inside
}

// Arrows between the same two things join into one; those of one thing that carry the same tensors are one net.
function netsOf(view, shown) {
  const pairs = new Map()
  for (const [item, output, type, to] of view.arrows) {
    const [from, end] = [shown[item], shown[to]]
    if (from === end) continue
    const key = `${from} ${end}`
    if (!pairs.has(key)) pairs.set(key, { from, end, tensors: new Map() })
    pairs.get(key).tensors.set(`${item} ${output} ${type}`, type)
  }
  const nets = new Map()
  for (const { from, end, tensors } of pairs.values()) {
    const key = `${from}: ${[...tensors.keys()].sort()}`
    if (!nets.has(key)) nets.set(key, { id: nets.size, from, ends: [], types: [...tensors.values()] })
    nets.get(key).ends.push(end)
  }
  return [...nets.values()].map((net) => ({ ...net, label: label(net.types) }))
}

// `[batch, 64]`, `3 x [batch, 64]`, or `5 tensors` where they differ.
function label(types) {
  if (types.length === 1) return types[0]
  return new Set(types).size === 1 ? `${types.length} × ${types[0]}` : `${types.length} tensors`
}

function ancestors(view, item) {
  const chain = []
  for (let box = view.items[item].parent; box !== ROOT; box = view.items[box].parent) chain.push(box)
  return [...chain, ROOT]
}

// The pieces of each net by the box that they lie in.
function netsByLevel(view, nets) {
  const levels = new Map()
  for (const net of nets) {
    const chains = new Map(net.ends.map((end) => [end, [end, ...ancestors(view, end)]]))
    climb(levels, view, net, chains)
  }
  return levels
}

function climb(levels, view, net, chains) {
  let ends = net.ends
  let from = net.from
  while (ends.length) {
    const level = view.items[from].parent
    const here = ends.filter((end) => chains.get(end).includes(level))
    const beyond = ends.filter((end) => !chains.get(end).includes(level))
    put(levels, level, net, from, here, chains, beyond.length > 0)
    ends = beyond
    from = level
  }
}

function put(levels, level, net, from, ends, chains, out) {
  const child = (end) => chains.get(end)[chains.get(end).indexOf(level) - 1]
  const to = [...new Set(ends.map(child))]
  if (!levels.has(level)) levels.set(level, [])
  levels.get(level).push({ net, from, to, out })
  for (const box of to) {
    const inner = ends.filter((end) => child(end) === box && end !== box)
    if (inner.length) put(levels, box, net, null, inner, chains, false)
  }
}

// The whole drawing: `items` with their places, `texts` on the arrows, and an `edge` for each two things that are joined.
function drawing(view, open, measure) {
  const shown = showing(view, open)
  const nets = netsOf(view, shown)
  const levels = netsByLevel(view, nets)
  const inside = childrenOf(view)
  const plans = new Map()
  const plan = (box) => {
    const cells = (inside.get(box) ?? []).map((at) => {
      const isOpen = view.items[at].kind === "box" && open.has(at)
      return { id: at, ins: new Map(), outs: new Map(), ...(isOpen ? plan(at) : measure.item(view.items[at])) }
    })
    const made = planLevel(view, box, cells, levels.get(box) ?? [], measure)
    plans.set(box, made)
    return made
  }
  plan(ROOT)
  return assembled(view, plans, nets)
}

function planLevel(view, box, cells, pieces, measure) {
  const at = new Map(cells.map((cell, place) => [cell.id, place]))
  const nets = pieces.map(({ net, from, to, out }) => ({
    id: net.id,
    from: from === null ? null : at.get(from),
    to: to.map((end) => at.get(end)),
    out,
    text: from !== null && to.length ? measure.text(net.label) : null,
    label: net.label,
  }))
  const header = box === ROOT ? null : { width: measure.header(view.items[box]), height: PAD.header }
  const made = layOut(cells, nets, header)
  const side = box === ROOT ? 0 : PAD.side
  const moved = (ports) => new Map([...ports].map(([net, x]) => [net, x + side]))
  const width = made.width + 2 * side
  const height = made.height + (box === ROOT ? 0 : PAD.bottom)
  return { ...made, cells, side, width, height, ins: moved(made.ins), outs: moved(made.outs) }
}

// Places and routes of all levels, as seen from the top.
function assembled(view, plans, nets) {
  const origins = new Map([[ROOT, { x: 0, y: 0 }]])
  const result = { items: [], texts: [], edges: [], width: plans.get(ROOT).width, height: plans.get(ROOT).height }
  const stand = (box) => {
    const { x, y } = origins.get(box)
    const { cells, places, texts } = plans.get(box)
    for (const cell of cells) {
      const place = { x: x + places.get(cell.id).x + plans.get(box).side, y: y + places.get(cell.id).y }
      const isOpen = plans.has(cell.id)
      result.items.push({ at: cell.id, ...place, width: cell.width, height: cell.height, open: isOpen, level: box })
      origins.set(cell.id, place)
      if (isOpen) stand(cell.id)
    }
    for (const text of texts) result.texts.push({ ...text, x: x + text.x + plans.get(box).side, y: y + text.y })
  }
  stand(ROOT)
  for (const net of nets) for (const end of net.ends) result.edges.push({ net, end, points: route(view, plans, origins, net, end) })
  return result
}

// From the start up through the borders of boxes, then down into those that hold the end.
function route(view, plans, origins, net, end) {
  const chain = [end, ...ancestors(view, end)]
  const way = []
  let level = view.items[net.from].parent
  const walk = (key) => {
    const { x, y } = origins.get(level)
    const { routes, side } = plans.get(level)
    way.push(...routes.get(`${net.id} ${key}`).map((point) => [point[0] + x + side, point[1] + y]))
  }
  let from = net.from
  while (!chain.includes(level)) {
    walk("out")
    from = level
    level = view.items[from].parent
  }
  for (let at = chain.indexOf(level); at > 0; at--) {
    walk(chain[at - 1])
    level = chain[at - 1]
  }
  return way
}
