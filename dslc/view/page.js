// The page: panes with a view each, and what the reader does with them.

const DATA = JSON.parse(document.getElementById("data").textContent)
const panes = []
const find = (id) => document.getElementById(id)

function make(name, attributes = {}, ...inside) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value)
  made.append(...inside)
  return made
}

class Pane {
  constructor(number) {
    this.number = number
    this.tabs = make("div", { class: "tabs", role: "tablist", "aria-label": "Views" })
    this.summary = make("span", { class: "summary" })
    this.svg = element("svg", { class: "graph", role: "group", "aria-label": "Graph" })
    this.notes = make("details", { class: "notes" })
    this.root = make("section", { class: "pane" }, make("div", { class: "head" }, this.tabs, this.summary), this.svg, this.notes)
    this.states = DATA.views.map((view) => ({ open: openAtFirst(view, DATA.most), camera: null }))
    this.svg.addEventListener("click", (event) => this.click(event))
    this.svg.addEventListener("keydown", (event) => this.key(event))
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false })
    this.svg.addEventListener("pointerdown", (event) => this.drag(event))
    this.svg.addEventListener("pointerover", (event) => this.hover(event.target.closest("[data-item]")))
    this.svg.addEventListener("pointerleave", () => this.hover(null))
  }

  show(index) {
    this.index = index
    this.view = DATA.views[index]
    this.state = this.states[index]
    this.tabs.replaceChildren(...DATA.views.map((view, at) => this.tab(view, at)))
    this.summary.textContent = this.view.summary
    this.showNotes()
    this.draw()
    if (!this.state.camera) this.fit()
    else this.aim()
  }

  tab(view, at) {
    const tab = make("button", { role: "tab", "aria-selected": String(at === this.index) }, view.title)
    tab.addEventListener("click", () => this.show(at))
    return tab
  }

  showNotes() {
    const { notes } = this.view
    this.notes.hidden = !notes.length
    const count = `${notes.length} ${notes.length === 1 ? "note" : "notes"}`
    this.notes.replaceChildren(make("summary", {}, count), make("ul", {}, ...notes.map((note) => make("li", {}, ...marked(note)))))
  }

  draw() {
    this.plan = drawing(this.view, this.state.open, measure)
    this.scene = paint(this.view, this.plan)
    this.svg.replaceChildren(this.scene)
    this.mark()
  }

  // Camera: the scale, and where the origin of the drawing is.
  aim() {
    const { x, y, scale } = this.state.camera
    this.scene.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`)
  }

  fit(whole = false) {
    const { width, height } = this.svg.getBoundingClientRect()
    const margin = 24
    const wide = (width - 2 * margin) / this.plan.width
    const high = (height - 2 * margin) / this.plan.height
    const scale = Math.min(1.1, Math.max(Math.min(wide, high), whole ? 0.05 : Math.min(wide, 0.9), whole ? 0 : 0.5))
    const x = this.across(width, this.plan.width * scale, margin, scale)
    const y = Math.max(margin, (height - this.plan.height * scale) / 2)
    this.state.camera = { x, y, scale, isFitted: true }
    this.aim()
  }

  // In the middle; what is too wide begins with its topmost item in the middle.
  across(width, wide, margin, scale) {
    if (wide <= width - 2 * margin || !this.plan.items.length) return (width - wide) / 2
    const top = this.plan.items.reduce((best, place) => (place.y < best.y ? place : best))
    return Math.min(margin, Math.max(width - margin - wide, width / 2 - (top.x + top.width / 2) * scale))
  }

  resize() {
    if (this.state.camera.isFitted) this.fit()
  }

  zoom(factor, at) {
    const { width, height } = this.svg.getBoundingClientRect()
    const center = at ?? { x: width / 2, y: height / 2 }
    const { x, y, scale } = this.state.camera
    const next = Math.min(4, Math.max(0.05, scale * factor))
    const grown = next / scale
    this.state.camera = { x: center.x - (center.x - x) * grown, y: center.y - (center.y - y) * grown, scale: next }
    this.aim()
  }

  wheel(event) {
    event.preventDefault()
    const { left, top } = this.svg.getBoundingClientRect()
    if (event.ctrlKey || event.metaKey) return this.zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - left, y: event.clientY - top })
    const lines = event.deltaMode === 1 ? 16 : 1
    const [across, down] = event.shiftKey ? [event.deltaY, event.deltaX] : [event.deltaX, event.deltaY]
    this.move(-across * lines, -down * lines)
  }

  move(across, down) {
    const { x, y, scale } = this.state.camera
    this.state.camera = { x: x + across, y: y + down, scale }
    this.aim()
  }

  drag(start) {
    if (start.button !== 0) return
    let [x, y, far] = [start.clientX, start.clientY, false]
    const move = (event) => {
      far ||= Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > 4
      if (!far) return
      this.svg.classList.add("dragged")
      this.move(event.clientX - x, event.clientY - y)
      ;[x, y] = [event.clientX, event.clientY]
    }
    const stop = () => {
      removeEventListener("pointermove", move)
      setTimeout(() => this.svg.classList.remove("dragged"))
    }
    addEventListener("pointermove", move)
    addEventListener("pointerup", stop, { once: true })
  }

  click(event) {
    if (this.svg.classList.contains("dragged")) return
    const found = event.target.closest("[data-item]")
    if (!found) return select(null)
    const at = Number(found.dataset.item)
    if (found.classList.contains("is-open") && !event.target.closest(".header, .chevron, .title, .badge, .count")) return
    this.press(at)
  }

  press(at) {
    if (this.view.items[at].kind === "box") this.toggle(at)
    select(this, at)
    this.focus(at)
  }

  // Open or close a box; it stays where it is on the screen.
  toggle(at) {
    const before = this.placeOf(at)
    const { open } = this.state
    if (!open.delete(at)) open.add(at)
    this.draw()
    this.keep(before, this.placeOf(at))
  }

  keep(before, after) {
    const { scale } = this.state.camera
    this.move((before.x + before.width / 2 - after.x - after.width / 2) * scale, (before.y - after.y) * scale)
  }

  placeOf(at) {
    return this.plan.items.find((place) => place.at === at)
  }

  nodeOf(at) {
    return this.svg.querySelector(`[data-item="${at}"]`)
  }

  focus(at) {
    this.nodeOf(at)?.focus({ preventScroll: true })
  }

  // One more level of boxes, or one less.
  step(more) {
    const seen = this.plan.items.filter(({ at, open }) => this.view.items[at].kind === "box" && open !== more)
    const inner = more ? seen : seen.filter(({ at }) => !seen.some(({ level }) => level === at))
    for (const { at } of inner) more ? this.state.open.add(at) : this.state.open.delete(at)
    this.draw()
    this.fit()
  }

  // Show an item wherever it is: open the boxes around it and bring it to the middle.
  reveal(at) {
    for (let box = this.view.items[at].parent; box !== ROOT; box = this.view.items[box].parent) this.state.open.add(box)
    this.draw()
    const { x, y, width, height } = this.placeOf(at)
    const size = this.svg.getBoundingClientRect()
    const scale = Math.max(this.state.camera.scale, 0.7)
    this.state.camera = { x: size.width / 2 - (x + width / 2) * scale, y: size.height / 2 - (y + Math.min(height, 200) / 2) * scale, scale }
    this.aim()
  }

  // What is chosen, in every pane that has the same path; and the arrows of what is chosen.
  mark() {
    for (const node of this.svg.querySelectorAll("[data-item]")) {
      const item = this.view.items[node.dataset.item]
      const isChosen = chosen && (chosen.pane === this && chosen.view === this.view ? Number(node.dataset.item) === chosen.at : Boolean(item.path) && item.path === chosen.item.path)
      node.classList.toggle("chosen", Boolean(isChosen))
    }
    this.light("chosen-edge", this.svg.querySelector(".chosen"))
  }

  hover(node) {
    this.light("lit", node)
  }

  light(name, node) {
    const at = node?.dataset.item
    for (const edge of this.svg.querySelectorAll(".edge")) edge.classList.toggle(name, at !== undefined && (edge.dataset.from === at || edge.dataset.to === at))
  }

  key(event) {
    const node = event.target.closest("[data-item]")
    if (!node) return
    const at = Number(node.dataset.item)
    if (event.key === "Enter" || event.key === " ") this.press(at)
    else if (event.key.startsWith("Arrow")) this.walk(at, event.key)
    else return
    event.preventDefault()
  }

  // Arrow keys: to the nearest item in that direction.
  walk(at, key) {
    const center = ({ x, y, width, height, open }) => [x + width / 2, y + (open ? 15 : height / 2)]
    const [fromX, fromY] = center(this.placeOf(at))
    const [alongX, alongY] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key]
    let [best, least] = [null, Infinity]
    for (const place of this.plan.items) {
      const [x, y] = center(place)
      const ahead = (x - fromX) * alongX + (y - fromY) * alongY
      const aside = Math.abs((x - fromX) * alongY) + Math.abs((y - fromY) * alongX)
      if (ahead > 2 && ahead + 2 * aside < least) [best, least] = [place.at, ahead + 2 * aside]
    }
    if (best === null) return
    this.focus(best)
    this.bringIn(best)
  }

  bringIn(at) {
    const { x, y, width, height } = this.placeOf(at)
    const { camera } = this.state
    const size = this.svg.getBoundingClientRect()
    const into = (low, high, most) => (low < 12 ? 12 - low : high > most - 12 ? Math.max(most - 12 - high, 12 - low) : 0)
    const [left, top] = [x * camera.scale + camera.x, y * camera.scale + camera.y]
    this.move(into(left, left + width * camera.scale, size.width), into(top, top + height * camera.scale, size.height))
  }
}
