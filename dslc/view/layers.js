// Lays out one level: what stands in one box, in layers from top to bottom.
//
// `cells` are boxes with a width, a height and the offsets at which nets enter and leave them. A `net` is one arrow that
// may branch: from a cell, or from the border of the box (`from` is null), to cells, and out of the box if `out`.
// Cells stand in the odd layers, texts on arrows in the even ones, and a net that passes a layer has a lane there,
// so that no arrow ever crosses a cell or a text.

const GAP = { cell: 26, lane: 13, text: 10, layer: 11, entry: 10 }
const SWEEPS = 12
const ROUNDS = 80

function layOut(cells, nets, header) {
  const ranks = rankCells(cells, nets)
  const grid = makeGrid(cells, nets, ranks)
  orderLayers(grid)
  if (header) grid.layers[0].unshift(newVertex(grid, 0, { ...header, title: true }))
  grid.layers.forEach((layer) => layer.forEach((vertex, at) => (vertex.at = at)))
  spreadEntries(grid)
  placeAcross(grid)
  const { tops, bottoms, height } = placeDown(grid)
  return { ...finished(grid, tops, bottoms), height }
}

// Layers: as far down as what a cell reads wants it, then up to what reads it, if that is the shorter way.

function rankCells(cells, nets) {
  const reads = cells.map(() => new Set())
  const readers = cells.map(() => new Set())
  for (const net of nets) {
    for (const to of net.to) {
      if (net.from === null) continue
      reads[to].add(net.from)
      readers[net.from].add(to)
    }
  }
  const order = topological(reads, readers)
  const ranks = cells.map(() => 0)
  for (const cell of order) for (const to of readers[cell]) ranks[to] = Math.max(ranks[to], ranks[cell] + 1)
  const held = new Set(nets.filter((net) => net.from === null).flatMap((net) => net.to))
  for (const cell of order.reverse()) {
    const pulled = readers[cell].size > reads[cell].size + held.has(cell)
    if (pulled) ranks[cell] = Math.min(...[...readers[cell]].map((to) => ranks[to])) - 1
  }
  return ranks
}

function topological(reads, readers) {
  const waiting = reads.map((set) => set.size)
  const order = [...reads.keys()].filter((cell) => waiting[cell] === 0)
  for (const cell of order) for (const to of readers[cell]) if (--waiting[to] === 0) order.push(to)
  return order
}

// The grid: vertices in layers, and links between neighbouring layers.

function newVertex(grid, layer, facts) {
  const vertex = { layer, width: 0, height: 0, up: [], down: [], depth: 0, x: 0, ...facts }
  grid.vertices.push(vertex)
  return vertex
}

function makeGrid(cells, nets, ranks) {
  const last = cells.length ? 2 * Math.max(...ranks) + 3 : 1
  const grid = { layers: [...Array(last + 1)].map(() => []), vertices: [], routes: new Map() }
  const stand = cells.map((cell, at) => newVertex(grid, 2 * ranks[at] + 1, { cell, width: cell.width, height: cell.height }))
  for (const vertex of stand) grid.layers[vertex.layer].push(vertex)
  for (const net of nets) addNet(grid, net, stand, last)
  measureDepth(grid)
  return grid
}

// One net: a text below its start, then a lane down to the layer above its last target, with a branch to each target.
function addNet(grid, net, stand, last) {
  const start = net.from === null ? newVertex(grid, 0, { port: true }) : stand[net.from]
  if (net.from === null) grid.layers[0].push(start)
  const targets = net.to.map((to) => stand[to])
  const lowest = Math.max(...targets.map((target) => target.layer), net.out ? last : 0)
  const lanes = [start]
  for (let layer = start.layer + 1; layer < lowest; layer++) {
    const text = layer === start.layer + 1 && net.text ? { ...net.text, text: true } : { lane: true }
    lanes.push(newVertex(grid, layer, { ...text, net }))
    grid.layers[layer].push(lanes.at(-1))
    link(lanes.at(-2), lanes.at(-1), net)
  }
  const ends = targets.map((target) => [target.cell.id, target])
  if (net.out) {
    const port = newVertex(grid, last, { port: true })
    grid.layers[last].push(port)
    ends.push(["out", port])
  }
  for (const [key, end] of ends) {
    const above = lanes[end.layer - start.layer - 1]
    link(above, end, net)
    grid.routes.set(`${net.id} ${key}`, { net, path: [...lanes.slice(0, end.layer - start.layer), end] })
  }
}

function link(above, below, net) {
  const made = { above, below, from: leaves(above, net), to: enters(below, net), net }
  above.down.push(made)
  below.up.push(made)
}

const leaves = (vertex, net) => (vertex.cell ? (vertex.cell.outs.get(net.id) ?? vertex.width / 2) : 0)
const enters = (vertex, net) => (vertex.cell ? (vertex.cell.ins.get(net.id) ?? vertex.width / 2) : 0)

// Several arrows into one cell end beside each other, the main one in the middle.
function spreadEntries(grid) {
  for (const { cell, up, width } of grid.vertices) {
    if (!cell || up.length < 2 || cell.ins.size) continue
    const sorted = [...up].sort((a, b) => a.above.at - b.above.at)
    const main = sorted.indexOf(preferred(up, (link) => link.above, "before"))
    const middle = main < 0 ? (sorted.length - 1) / 2 : main
    const step = Math.min(GAP.entry, (width / 2 - 8) / Math.max(middle, sorted.length - 1 - middle))
    sorted.forEach((link, at) => {
      link.to = width / 2 + Math.round((at - middle) * step)
      cell.ins.set(link.net.id, link.to)
    })
  }
}

// How long the longest way to the end is: of two ways to go on, the longer one is the main one.
function measureDepth(grid) {
  for (const layer of grid.layers) {
    for (const vertex of layer) vertex.before = Math.max(0, ...vertex.up.map((up) => up.above.before + (up.above.cell ? 1 : 0)))
  }
  for (const layer of [...grid.layers].reverse()) {
    for (const vertex of layer) vertex.after = Math.max(0, ...vertex.down.map((down) => down.below.after + (down.below.cell ? 1 : 0)))
  }
}

// Order within the layers: by the middle of the neighbours, down and up, as long as that saves crossings. What ends
// here depends on the start, so there are several, and equals change sides every second time.

function orderLayers(grid) {
  const { layers } = grid
  const starts = [layers.map((layer) => [...layer]), layers.map((layer) => [...layer].reverse()), byDepth(layers)]
  let [best, fewest] = [null, Infinity]
  for (const start of starts) {
    for (const first of [0, 1]) {
      const [found, count] = fewest ? sweeps(start, first) : [best, fewest]
      if (count < fewest) [best, fewest] = [found, count]
    }
  }
  best.forEach((layer, at) => (layers[at] = layer))
  number(layers)
}

// The main way first, what ends sooner further out.
const byDepth = (layers) => layers.map((layer) => [...layer].sort((a, b) => b.after - a.after))

function sweeps(start, first) {
  const layers = start.map((layer) => [...layer])
  number(layers)
  let [best, fewest] = [layers.map((layer) => [...layer]), crossings(layers)]
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const down = sweep % 2 === first
    for (const layer of down ? layers : [...layers].reverse()) sortLayer(layer, down, sweep % 4 < 2 ? 1 : -1)
    exchange(layers)
    const now = crossings(layers)
    if (now < fewest) [best, fewest] = [layers.map((layer) => [...layer]), now]
  }
  return [best, fewest]
}

const number = (layers) => layers.forEach((layer) => layer.forEach((vertex, at) => (vertex.at = at)))
const share = (vertex, offset) => vertex.at + (vertex.width ? offset / vertex.width - 0.5 : 0)

function sortLayer(layer, down, tie) {
  for (const vertex of layer) {
    const near = down ? vertex.up.map((up) => share(up.above, up.from)) : vertex.down.map((to) => share(to.below, to.to))
    vertex.wish = near.length ? near.reduce((sum, place) => sum + place, 0) / near.length : vertex.at
  }
  layer.sort((a, b) => a.wish - b.wish || tie * (a.at - b.at))
  layer.forEach((vertex, at) => (vertex.at = at))
}

// Swap neighbours for as long as that saves crossings.
function exchange(layers) {
  for (let round = 0; round < ROUNDS; round++) {
    let saved = 0
    for (const layer of layers) for (let at = 1; at < layer.length; at++) saved += swapped(layer, at)
    if (!saved) return
  }
}

function swapped(layer, at) {
  const [a, b] = [layer[at - 1], layer[at]]
  const [above, below] = [(link) => share(link.above, link.from), (link) => share(link.below, link.to)]
  const now = crossed(a.up, b.up, above) + crossed(a.down, b.down, below)
  const then = crossed(b.up, a.up, above) + crossed(b.down, a.down, below)
  if (then >= now) return 0
  Object.assign(layer, { [at - 1]: b, [at]: a })
  Object.assign(a, { at })
  Object.assign(b, { at: at - 1 })
  return now - then
}

// Crossings of the links of two neighbours, when those of `left` start further left.
function crossed(left, right, end) {
  let count = 0
  for (const one of left) for (const other of right) count += end(one) > end(other)
  return count
}

function crossings(layers) {
  let count = 0
  for (const layer of layers) {
    const links = layer.flatMap((vertex) => vertex.down).map((to) => [share(to.above, to.from), share(to.below, to.to)])
    links.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    const seen = []
    for (const [, place] of links) {
      const at = upper(seen, place)
      count += seen.length - at
      seen.splice(at, 0, place)
    }
  }
  return count
}

function upper(sorted, value) {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] <= value) low = middle + 1
    else high = middle
  }
  return low
}

// Places down, and what the level is to the outside.

function placeDown(grid) {
  const heights = grid.layers.map((layer) => Math.max(0, ...layer.map((vertex) => vertex.height)))
  const [tops, bottoms] = [[], []]
  let y = 0
  grid.layers.forEach((layer, at) => {
    const steep = Math.max(0, ...layer.flatMap((vertex) => vertex.up).map((up) => Math.abs(up.above.x + up.from - up.below.x - up.to)))
    if (at && layer.length) y += GAP.layer + Math.min(26, steep / 9)
    tops.push(y)
    y += heights[at]
    bottoms.push(y)
  })
  return { tops, bottoms, height: y }
}

function finished(grid, tops, bottoms) {
  const middle = (vertex) => (tops[vertex.layer] + bottoms[vertex.layer] - vertex.height) / 2
  const places = new Map()
  const texts = []
  const [ins, outs] = [new Map(), new Map()]
  for (const vertex of grid.vertices) {
    if (vertex.cell) places.set(vertex.cell.id, { x: vertex.x, y: middle(vertex) })
    if (vertex.text) texts.push({ net: vertex.net.id, label: vertex.net.label, x: vertex.x, y: middle(vertex), width: vertex.width, height: vertex.height })
  }
  const routes = new Map()
  for (const [key, { net, path }] of grid.routes) {
    routes.set(key, points(net, path, tops, bottoms, middle))
    if (path[0].port) ins.set(net.id, path[0].x)
    if (path.at(-1).port) outs.set(net.id, path.at(-1).x)
  }
  const width = grid.vertices.reduce((most, vertex) => Math.max(most, vertex.x + vertex.width), 0)
  return { places, texts, routes, ins, outs, width }
}

// Straight down through each layer, a bend between two.
function points(net, path, tops, bottoms, middle) {
  const way = []
  path.forEach((vertex, at) => {
    const first = at === 0
    const last = at === path.length - 1
    if (!first) way.push([vertex.x + enters(vertex, net), tops[vertex.layer]])
    if (last && vertex.cell) way.push([vertex.x + enters(vertex, net), middle(vertex)])
    if (first) way.push([vertex.x + leaves(vertex, net), vertex.cell ? middle(vertex) + vertex.height : tops[vertex.layer]])
    if (!last) way.push([vertex.x + leaves(vertex, net), bottoms[vertex.layer]])
  })
  return way
}
