// Where the vertices of a level stand from left to right.

// Places across: vertices that should stand below one another form columns, and springs pull the columns together.

function placeAcross(grid) {
  const columns = makeColumns(grid)
  keepApart(grid)
  spread(columns)
  attach(grid)
  settle(columns)
  const left = grid.vertices.reduce((least, vertex) => Math.min(least, placeOf(vertex)), Infinity)
  for (const vertex of grid.vertices) vertex.x = Math.round(placeOf(vertex) - left)
}

const placeOf = (vertex) => vertex.column.x + vertex.shift

function makeColumns(grid) {
  for (const vertex of grid.vertices) Object.assign(vertex, { over: null, under: null })
  const wanted = grid.vertices.flatMap((vertex) => {
    const to = preferred(vertex.down, (down) => down.below, "after")
    return to && preferred(to.below.up, (up) => up.above, "before") === to ? [to] : []
  })
  wanted.sort((a, b) => kind(a) - kind(b))
  const taken = new Map()
  for (const to of wanted) {
    const others = taken.get(to.above.layer) ?? []
    if (others.some((other) => (other.above.at - to.above.at) * (other.below.at - to.below.at) < 0)) continue
    taken.set(to.above.layer, [...others, to])
    to.above.under = to
    to.below.over = to
  }
  return grid.vertices.filter((vertex) => !vertex.over).map(columnFrom)
}

function columnFrom(top) {
  const column = { x: 0, members: [], left: [], right: [], pulls: [] }
  for (let [vertex, shift] = [top, 0]; vertex; ) {
    Object.assign(vertex, { column, shift })
    column.members.push(vertex)
    const to = vertex.under
    shift += to ? to.from - to.to : 0
    vertex = to?.below
  }
  return column
}

// Lanes go straight before all else, then the way from cell to cell.
const kind = ({ above, below }) => (above.lane && below.lane ? 0 : above.lane || below.lane ? 2 : 1)

// The link to go straight on: the best kind, then the longest way; with equals the one in the middle, or none.
function preferred(links, end, length) {
  if (!links.length) return null
  const rank = (to) => kind(to) * 1e6 - end(to)[length]
  const best = Math.min(...links.map(rank))
  const equal = links.filter((to) => rank(to) === best).sort((a, b) => end(a).at - end(b).at)
  return equal.length % 2 ? equal[(equal.length - 1) / 2] : null
}

const margin = (vertex) => (vertex.cell ? GAP.cell : vertex.text || vertex.title ? GAP.text : GAP.lane)

// What stands left of what, and how far apart they stay at least.
function keepApart(grid) {
  for (const layer of grid.layers) {
    for (let at = 1; at < layer.length; at++) {
      const [a, b] = [layer[at - 1], layer[at]]
      const room = a.width + (margin(a) + margin(b)) / 2 + a.shift - b.shift
      const made = { a: a.column, b: b.column, room }
      made.a.right.push(made)
      made.b.left.push(made)
    }
  }
}

// Half-way between all as far left and all as far right as can be: both hold what must be held, so their mean does.
function spread(columns) {
  const order = columnOrder(columns)
  for (const column of order) column.low = Math.max(0, ...column.left.map(({ a, room }) => a.low + room))
  const width = order.reduce((most, column) => Math.max(most, column.low), 0)
  for (const column of order.reverse()) column.high = Math.min(width, ...column.right.map(({ b, room }) => b.high - room))
  for (const column of order) column.x = (column.low + column.high) / 2
}

function columnOrder(columns) {
  const waiting = new Map(columns.map((column) => [column, column.left.length]))
  const order = columns.filter((column) => column.left.length === 0)
  for (const column of order) {
    for (const { b } of column.right) {
      waiting.set(b, waiting.get(b) - 1)
      if (waiting.get(b) === 0) order.push(b)
    }
  }
  return order
}

// Links that are not straight pull their two columns together, those of lanes hardest.
function attach(grid) {
  for (const vertex of grid.vertices) {
    for (const { above, below, from, to } of vertex.down) {
      if (above.column === below.column) continue
      const weight = above.lane && below.lane ? 8 : above.lane || below.lane ? 2 : 4
      const rest = above.shift + from - below.shift - to
      above.column.pulls.push({ other: below.column, rest: -rest, weight })
      below.column.pulls.push({ other: above.column, rest, weight })
    }
  }
}

// Move columns the way they are pulled, each with those that it pushes, until nothing moves.
function settle(columns) {
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0
    for (const way of [1, -1]) {
      for (const column of way > 0 ? columns : [...columns].reverse()) moved = Math.max(moved, shove(column, way))
    }
    if (moved < 0.25) return
  }
}

function shove(column, way) {
  if (pull(column, new Set([column])) * way <= 0.1) return 0
  const group = new Set([column])
  for (const member of group) {
    for (const { next, free } of neighbours(member, way)) if (free < 0.01) group.add(next)
  }
  const force = pull(column, group, [...group]) * way
  if (force <= 0.1) return 0
  const room = Math.min(...[...group].flatMap((member) => neighbours(member, way).filter(({ next }) => !group.has(next)).map(({ free }) => free)))
  const step = Math.min(force, room)
  for (const member of group) member.x += step * way
  return step
}

const neighbours = (column, way) =>
  way > 0
    ? column.right.map(({ b, room }) => ({ next: b, free: b.x - column.x - room }))
    : column.left.map(({ a, room }) => ({ next: a, free: column.x - a.x - room }))

// Where the springs of a group want it, from where it is.
function pull(column, group, members = [column]) {
  let [force, weight] = [0, 0]
  for (const member of members) {
    for (const spring of member.pulls) {
      if (group.has(spring.other)) continue
      force += spring.weight * (spring.other.x - member.x + spring.rest)
      weight += spring.weight
    }
  }
  return weight ? force / weight : 0
}
