// What a click shows, the search, the keys, and the start of it all.

let chosen = null

function select(pane, at) {
  chosen = pane ? { pane, at, view: pane.view, item: pane.view.items[at] } : null
  panes.forEach((each) => each.mark())
  const details = find("details")
  details.hidden = !chosen
  if (chosen) details.replaceChildren(...explained(chosen.item))
}

function explained(item) {
  const close = make("button", { class: "close", "aria-label": "Close the details" }, "×")
  close.addEventListener("click", () => select(null))
  const about = DATA.about[item.about]
  const where = item.place ? [make("p", { class: "place" }, item.place)] : []
  const code = item.code ? [make("pre", {}, item.code)] : []
  return [
    close,
    make("h2", {}, item.path || item.title),
    ...(item.op ? [make("p", { class: "op" }, item.op)] : []),
    ...(about ? [make("p", { class: "about" }, ...marked(about))] : []),
    ...item.sections.map(([title, rows]) => section(title, rows)),
    ...(where.length ? [make("h3", {}, "Source"), ...where, ...code] : []),
  ]
}

function section(title, rows) {
  const values = (texts) => texts.map((text, at) => make(at ? "small" : "span", {}, text))
  const line = ([name, ...texts]) => make("div", { class: name.length > 14 ? "long" : undefined }, make("dt", {}, name), make("dd", {}, ...values(texts)))
  return make("section", {}, make("h3", {}, title), make("dl", {}, ...rows.map(line)))
}

// Text with `code` in backticks.
function marked(text) {
  return text.split("`").map((piece, at) => (at % 2 ? make("code", {}, piece) : piece))
}

// Search: the next item whose path or op has the words in it, in every pane.
let next = 0

function hits(pane, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  const text = (item) => `${item.path ?? ""} ${item.title} ${item.op ?? ""}`.toLowerCase()
  return wanted.length ? [...pane.view.items.keys()].filter((at) => wanted.every((word) => text(pane.view.items[at]).includes(word))) : []
}

function search(step) {
  const words = find("search").value
  const found = hits(panes[0], words)
  next = found.length ? (next + step + found.length) % found.length : 0
  find("hits").textContent = words ? `${found.length ? next + 1 : 0} of ${found.length}` : ""
  if (!found.length) return select(null)
  panes[0].reveal(found[next])
  select(panes[0], found[next])
  for (const pane of panes.slice(1)) {
    const same = pane.view.items.findIndex((item) => item.path && item.path === chosen.item.path)
    if (same >= 0) pane.reveal(same)
  }
}

// Panes: one, or two beside each other.
function arrange(isDouble) {
  const count = isDouble ? 2 : 1
  while (panes.length > count) panes.pop()
  while (panes.length < count) panes.push(new Pane(panes.length))
  find("panes").replaceChildren(...panes.map((pane) => pane.root))
  find("beside").setAttribute("aria-pressed", String(isDouble))
  panes.forEach((pane, at) => pane.show(pane.index ?? Math.min(at, DATA.views.length - 1)))
  panes.forEach((pane) => pane.fit())
}

function legend() {
  const used = new Set(DATA.views.flatMap((view) => view.items.filter((item) => item.kind === "layer").map((item) => item.family)))
  const chip = (family) => make("span", { class: "chip", style: hueOf(family) }, family)
  const families = Object.keys(DATA.hues).filter((family) => used.has(family))
  const hint = make("span", { class: "hint" }, "drag or scroll to move, Ctrl + scroll to zoom, / to search, arrow keys to walk")
  find("legend").replaceChildren(...families.map(chip), hint)
}

function listen() {
  const each = (action) => () => panes.forEach(action)
  const beside = () => arrange(panes.length === 1 && DATA.views.length > 1)
  const actions = {
    more: each((pane) => pane.step(true)),
    less: each((pane) => pane.step(false)),
    in: each((pane) => pane.zoom(1.25)),
    out: each((pane) => pane.zoom(0.8)),
    fit: each((pane) => pane.fit(true)),
    beside,
  }
  for (const [id, action] of Object.entries(actions)) find(id).addEventListener("click", action)
  find("beside").hidden = DATA.views.length < 2
  find("search").addEventListener("input", () => search((next = 0)))
  find("search").addEventListener("keydown", (event) => event.key === "Enter" && search(event.shiftKey ? -1 : 1))
  const keys = { "+": actions.in, "=": actions.in, "-": actions.out, 0: actions.fit, o: actions.more, c: actions.less, s: beside }
  addEventListener("resize", each((pane) => pane.resize()))
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") return select(null)
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "/") find("search").focus()
    else if (keys[event.key]) keys[event.key]()
    else return
    event.preventDefault()
  })
}

legend()
listen()
arrange(DATA.views.length > 1 && innerWidth >= 1000)
