// Pictures with captions: words show where they looked, regions show which words used them.

let mapStyle = "glow";
let mapKind = "attention"; // or what else the captions have maps of
let pageScale = false;     // all maps of a kind are drawn to the largest weight of the page, not each to its own
const CANVAS = 640;        // longer side of the canvas over a picture: twice what it has on the page, or less
const views = new WeakMap(); // article → PictureView

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "role") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const percent = (share) => share > 0 && share < 0.0005 ? "under 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const probability = (log) => percent(Math.exp(log));

/** The largest weight that any caption of the page has in a map of this kind. */
const fullWeights = new Map();
function fullWeight(kind) {
  if (!fullWeights.has(kind)) {
    let most = 0;
    for (const article of articles)
      for (const {maps = []} of viewRecord(article).captions)
        for (const {name, peaks} of maps) if (name === kind) for (const peak of peaks) most = Math.max(most, peak);
    fullWeights.set(kind, most);
  }
  return fullWeights.get(kind);
}

const viewRecord = (article) => JSON.parse(article.querySelector("script").textContent);

/** "top left", "middle", "right" …: a cell's place in words. */
function placeOf(cell, [rows, cols]) {
  const third = (i, count) => Math.min(2, Math.floor(3 * (i + 0.5) / count));
  const down = ["top", "", "bottom"][third(Math.floor(cell / cols), rows)];
  const across = ["left", "", "right"][third(cell % cols, cols)];
  return [down, across].filter(Boolean).join(" ") || "middle";
}

/** How the maps of each kind are spoken of. */
const sayings = {
  attention: {at: "looked at", nowhere: "looked nowhere", by: "used by", none: "no word looked here",
              share: (word, part) => `${word} gives ${part} of its attention to this cell`},
  gradient: {at: "moved most by", nowhere: "moved by nothing", by: "moves", none: "moves no word",
             share: (word, part) => `${part} of what moves ${word} lies in this cell`},
};
sayings.pixels = sayings.gradient;
sayings["chosen cell"] = sayings.attention;

class PictureView {
  constructor(article) {
    this.article = article;
    this.record = viewRecord(article);
    this.text = article.querySelector(".text");
    this.pinned = null; // the word whose map stays
    this.cell = null;   // the region that arrow keys are at
    const words = this.record.captions[0].words;
    if (words && words.length) this.addWords();
    if (this.record.captions.length > 1) this.addAlternatives();
    if (words && words.length) {
      if (article.querySelector("img")) this.addCanvas();
      this.addAlignment();
    }
    this.choose(0);
  }

  // The caption's words.

  addWords() {
    this.line = element("p", {className: "words", role: "group"});
    this.leftOut = element("p", {className: "left-out", hidden: true});
    this.reading = element("p", {className: "reading", role: "status"});
    const caption = this.text.querySelector(".caption");
    caption.hidden = true;
    caption.after(this.line, this.leftOut);
    (this.text.querySelector(".note") ?? this.text.querySelector(".confidence") ?? this.leftOut).after(this.reading);
    const wordAt = (event) => {
      const word = event.target.closest(".word");
      return word ? [...this.line.querySelectorAll(".word")].indexOf(word) : -1;
    };
    this.line.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && wordAt(event) >= 0) this.show(wordAt(event));
    });
    this.line.addEventListener("pointerleave", () => this.settle());
    this.line.addEventListener("focusin", (event) => this.show(wordAt(event)));
    this.line.addEventListener("focusout", () => this.settle());
    this.line.addEventListener("click", (event) => { if (wordAt(event) >= 0) this.pin(wordAt(event)); });
    this.line.addEventListener("keydown", (event) => this.wordKey(event, wordAt(event)));
  }

  /** Shows caption `index` of the n best. */
  choose(index) {
    this.caption = this.record.captions[index];
    this.pinned = null;
    const confidence = this.text.querySelector(".confidence"); // of the best one
    if (confidence) confidence.hidden = index > 0;
    if (!this.line) return;
    this.line.setAttribute("aria-label", `Words of the caption: ${this.caption.text}`);
    this.line.replaceChildren();
    this.caption.words.forEach((word, t) => {
      const button = element("span", {className: "word", role: "button", tabIndex: t ? -1 : 0, textContent: word});
      button.setAttribute("aria-pressed", "false");
      this.line.append(button, " ");
    });
    const leftOut = this.caption.left_out ?? [];
    this.leftOut.hidden = leftOut.length === 0;
    this.leftOut.textContent = `not in the model's vocabulary: ${leftOut.join(", ")}`;
    this.phrases = this.caption.phrases ?? [];
    if (this.phrases.length) {
      const buttons = this.phrases.map(({text}) => {
        const button = element("span", {className: "word", role: "button", tabIndex: -1, textContent: text});
        button.setAttribute("aria-pressed", "false");
        return button;
      });
      this.line.append(element("span", {className: "phrases"}, "phrases: ", ...buttons));
    }
    this.useMaps();
    this.clear();
  }

  /** Takes the caption's maps of the kind that shows, or of attention where it has no other. */
  useMaps() {
    this.maps = this.caption.maps.find(({name}) => name === mapKind) ?? this.caption.maps[0];
    this.weights = bytesOf(this.maps.weights);
    this.means = this.phrases.map(({words}) => this.meanOf(words));
    this.cell = null;
    this.words().forEach((button, t) =>
      button.setAttribute("aria-label", `${this.textOf(t)}: ${this.describe(t)}`));
    if (this.alignment && this.alignment.open) this.drawAlignment();
  }

  // What shows a map: word t of the caption, or behind the last of them a phrase.

  mapOf(t) {
    const cells = this.maps.grid[0] * this.maps.grid[1], words = this.caption.words.length;
    return t < words ? this.weights.subarray(t * cells, (t + 1) * cells) : this.means[t - words].map;
  }

  peakOf(t) { return this.maps.peaks[t] ?? this.means[t - this.caption.words.length].peak; }

  textOf(t) { return this.caption.words[t] ?? this.phrases[t - this.caption.words.length].text; }

  logOf(t) {
    const logs = this.caption.log_probabilities;
    return logs[t] ?? this.phrases[t - logs.length].words.reduce((sum, word) => sum + logs[word], 0);
  }

  /** The mean of some words' maps, as theirs are held: bytes, scaled to its peak. */
  meanOf(words) {
    const mean = Float32Array.from(this.mapOf(words[0]), () => 0);
    for (const t of words)
      for (let cell = 0; cell < mean.length; ++cell) mean[cell] += this.weight(t, cell) / words.length;
    const peak = Math.max(...mean);
    return {peak, map: Uint8Array.from(mean, (weight) => peak > 0 ? Math.round(255 * weight / peak) : 0)};
  }

  weight(t, cell) { return this.mapOf(t)[cell] / 255 * this.peakOf(t); }

  describe(t) {
    const map = this.mapOf(t), peak = map.indexOf(255), says = sayings[this.maps.name];
    const place = peak < 0 ? says.nowhere : `${says.at} the ${placeOf(peak, this.maps.grid)}, ` +
      `${percent(this.peakOf(t))} of it in one cell`;
    const agreement = this.maps.rank_correlation?.[t];
    return `probability ${probability(this.logOf(t))}, ${place}` +
      (agreement == null ? "" : `, rank correlation with attention ${agreement.toFixed(2)}`);
  }

  /** The mean over words of how well attention and gradient agree, or undefined. */
  agreement() {
    const known = this.caption.maps.flatMap(({rank_correlation = []}) => rank_correlation).filter((one) => one !== null);
    return known.length ? known.reduce((a, b) => a + b) / known.length : undefined;
  }

  words() { return [...this.line.querySelectorAll(".word")]; }

  show(t) {
    if (t < 0) return;
    this.shown = t;
    this.words().forEach((word, i) => {
      word.classList.toggle("shown", i === t);
      word.style.removeProperty("--use");
    });
    this.reading.replaceChildren(element("b", {textContent: this.textOf(t)}), ` ${this.describe(t)}`);
    if (!this.canvas) return;
    const full = drawMap(this.canvas, this.mapOf(t), this.maps.grid, this.record.area, mapStyle, this.peakOf(t),
                         pageScale ? fullWeight(this.maps.name) : 0);
    this.canvas.dataset.word = String(t);
    this.scale.lastChild.textContent = percent(full) + (mapStyle === "cells" ? "" : ", smoothed");
    this.markColumn(-1);
  }

  pin(t) {
    const again = this.pinned === t;
    this.pinned = again ? null : t;
    this.words().forEach((word, i) => word.setAttribute("aria-pressed", String(i === this.pinned)));
    if (again) {
      document.activeElement.blur();
      this.clear();
    } else {
      this.show(t);
    }
  }

  /** Back to what shows when nothing is pointed at. */
  settle() {
    const focused = this.words().indexOf(document.activeElement);
    if (focused >= 0) this.show(focused);
    else if (this.pinned !== null) this.show(this.pinned);
    else this.clear();
  }

  clear() {
    this.shown = null;
    for (const word of this.words()) {
      word.classList.remove("shown");
      word.style.removeProperty("--use");
    }
    const log = this.caption.log_probability, agreement = this.agreement();
    this.reading.textContent = (log === undefined ? "" : `log-probability ${log.toFixed(2)} nats`) +
      (agreement === undefined ? "" : `, rank correlation of attention and gradient ${agreement.toFixed(2)}`);
    if (!this.canvas) return;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    delete this.canvas.dataset.word;
    this.scale.lastChild.textContent = "";
    this.markColumn(-1);
  }

  wordKey(event, t) {
    const words = this.words(), last = words.length - 1;
    const to = {ArrowLeft: Math.max(t - 1, 0), ArrowRight: Math.min(t + 1, last), Home: 0, End: last}[event.key];
    if (to !== undefined) {
      words[t].tabIndex = -1;
      words[to].tabIndex = 0;
      words[to].focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      neighbour(this.article, event.key === "ArrowDown" ? 1 : -1)?.words()[0]?.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.pin(t);
    } else if (event.key === "Escape") {
      this.pinned = null;
      document.activeElement.blur();
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
  }

  // The picture's regions.

  addCanvas() {
    const image = this.article.querySelector("img"), view = this.article.querySelector(".view");
    const sides = ["width", "height"].map((side) => Number(image.getAttribute(side)));
    const [width, height] = sides.map((side) => Math.max(1, Math.round(CANVAS * side / Math.max(...sides))));
    this.canvas = element("canvas", {width, height, tabIndex: 0, role: "application"});
    this.canvas.setAttribute("aria-label",
                             "Regions of the picture: arrow keys move, and name the words that looked there");
    view.append(this.canvas);
    this.scale = colourBar("0", ""); // what the colours of the word that shows stand for
    view.after(this.scale);
    const cellAt = (event) => {
      const box = this.canvas.getBoundingClientRect(), [x, y, width, height] = this.record.area;
      const [rows, cols] = this.maps.grid;
      const col = Math.floor(((event.clientX - box.left) / box.width - x) / width * cols);
      const row = Math.floor(((event.clientY - box.top) / box.height - y) / height * rows);
      return row >= 0 && row < rows && col >= 0 && col < cols ? row * cols + col : -1;
    };
    this.canvas.addEventListener("pointermove", (event) => this.region(cellAt(event)));
    this.canvas.addEventListener("pointerdown", (event) => this.region(cellAt(event)));
    this.canvas.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") this.settle(); });
    this.canvas.addEventListener("focus", () => {
      if (this.canvas.matches(":focus-visible")) this.region(this.cell ?? this.middle());
    });
    this.canvas.addEventListener("blur", () => this.settle());
    this.canvas.addEventListener("keydown", (event) => this.regionKey(event));
  }

  middle() {
    const [rows, cols] = this.maps.grid;
    return Math.floor(rows / 2) * cols + Math.floor(cols / 2);
  }

  /** Marks the words that gave a cell more than an even share of their attention, the stronger the more. */
  region(cell) {
    if (cell < 0) return;
    this.clear();
    this.cell = cell;
    const [rows, cols] = this.maps.grid, even = 1.5 / (rows * cols);
    const weights = this.caption.words.map((_, t) => this.weight(t, cell));
    const most = Math.max(...weights);
    const users = weights.map((weight, t) => ({weight, t})).filter(({weight}) => weight > even)
      .sort((a, b) => b.weight - a.weight);
    const words = this.words();
    for (const {weight, t} of users) words[t].style.setProperty("--use", (weight / most).toFixed(3));
    const named = users.slice(0, 3).map(({weight, t}) => `${this.caption.words[t]} (${percent(weight)})`).join(", ");
    const says = sayings[this.maps.name];
    const use = named ? `${says.by} ${named}` : says.none;
    this.reading.textContent = `${placeOf(cell, this.maps.grid)}: ${use}`;
    drawCell(this.canvas, cell, this.maps.grid, this.record.area);
    this.markColumn(cell);
  }

  regionKey(event) {
    const [rows, cols] = this.maps.grid, cell = this.cell ?? this.middle();
    const row = Math.floor(cell / cols), col = cell % cols;
    const to = {ArrowLeft: [row, Math.max(col - 1, 0)], ArrowRight: [row, Math.min(col + 1, cols - 1)],
                ArrowUp: [Math.max(row - 1, 0), col], ArrowDown: [Math.min(row + 1, rows - 1), col]}[event.key];
    if (event.key === "Escape") this.canvas.blur();
    if (!to) return;
    event.preventDefault();
    this.region(to[0] * cols + to[1]);
  }

  // The n best captions.

  addAlternatives() {
    const list = element("ol");
    this.record.captions.forEach((caption, i) => {
      const said = element("span", {}, caption.text);
      if (caption.by) said.prepend(element("span", {className: "number", textContent: `${caption.by}: `}));
      const button = element("button", {type: "button"}, said,
                             element("span", {className: "number", textContent: caption.log_probability.toFixed(2)}));
      button.setAttribute("aria-pressed", String(i === 0));
      button.addEventListener("click", () => {
        for (const other of list.querySelectorAll("button"))
          other.setAttribute("aria-pressed", String(other === button));
        this.choose(i);
      });
      list.append(element("li", {}, button));
    });
    const title = `${this.record.captions.length} captions and their log-probabilities (nats)`;
    const open = this.record.captions.some(({by}) => by); // others' captions are what such a page is for
    this.article.append(element("details", {className: "alternatives", open}, element("summary", {textContent: title}), list));
  }

  // Words x cells.

  addAlignment() {
    this.alignment = element("details", {className: "alignment"},
                             element("summary", {textContent: "Alignment of words and cells"}));
    this.alignment.addEventListener("toggle", () => { if (this.alignment.open) this.drawAlignment(); });
    this.article.append(this.alignment);
  }

  drawAlignment() {
    const [rows, cols] = this.maps.grid, cells = rows * cols, most = Math.max(...this.maps.peaks);
    const shares = new Float32Array(this.caption.words.length * cells);
    this.caption.words.forEach((_, t) => {
      for (let cell = 0; cell < cells; ++cell) shares[t * cells + cell] = most > 0 ? this.weight(t, cell) / most : 0;
    });
    const map = painted({width: cells, height: this.caption.words.length, values: shares},
                        (value) => [...heatColour(value), 255]);
    map.setAttribute("role", "img");
    map.setAttribute("aria-label", `${this.caption.words.length} words by ${cells} cells, row by row of the grid; ` +
                     this.caption.words.map((word, t) => `${word} ${this.describe(t)}`).join("; "));
    const spans = (texts) => texts.map((textContent) => element("span", {textContent}));
    const labels = element("div", {className: "labels", ariaHidden: "true"}, ...spans(this.caption.words));
    const numbers = Array.from({length: rows}, (_, row) => row + 1);
    const axis = element("div", {className: "axis", ariaHidden: "true"}, ...spans(numbers));
    axis.hidden = rows > 32;
    const title = element("p", {className: "axis-title"}, `Down: words. Across: the grid's ${cells} cells, its rows 1 to ` +
                          `${rows} from the top one behind the other, each from left to right.`);
    const follow = (event) => {
      const box = map.getBoundingClientRect();
      const place = (at, size, count) => Math.min(count - 1, Math.max(0, Math.floor(at / size * count)));
      const cell = place(event.clientX - box.left, box.width, cells);
      const t = place(event.clientY - box.top, box.height, this.caption.words.length);
      this.show(t);
      if (this.canvas) drawCell(this.canvas, cell, this.maps.grid, this.record.area);
      this.markColumn(cell);
      this.reading.textContent = sayings[this.maps.name].share(this.caption.words[t], percent(this.weight(t, cell))) +
        ` (row ${Math.floor(cell / cols) + 1}, column ${cell % cols + 1})`;
    };
    map.addEventListener("pointermove", follow);
    map.addEventListener("pointerdown", follow);
    map.addEventListener("pointerleave", () => this.settle());
    this.column = element("div", {className: "column", hidden: true});
    const cellsOfWords = element("div", {className: "cells"}, map, this.column);
    const plot = element("div", {className: "plot"}, labels, cellsOfWords, axis);
    plot.style.setProperty("--rows", this.caption.words.length);
    plot.style.setProperty("--grid-rows", rows);
    this.alignment.querySelectorAll(".plot, .scale, .axis-title").forEach((old) => old.remove());
    this.alignment.append(plot, title, colourBar("0", percent(most)));
  }

  /** Marks a cell's column in the alignment of words and cells; -1: none. */
  markColumn(cell) {
    if (!this.column) return;
    const cells = this.maps.grid[0] * this.maps.grid[1];
    this.column.hidden = cell < 0;
    this.column.style.left = `${100 * cell / cells}%`;
    this.column.style.width = `${100 / cells}%`;
  }
}

function colourBar(least, most) {
  const bar = painted({width: 256, height: 1, values: Float32Array.from({length: 256}, (_, i) => i / 255)},
                      (value) => [...heatColour(value), 255]);
  bar.setAttribute("aria-hidden", "true");
  return element("p", {className: "scale"}, least, bar, most);
}

function viewOf(article) {
  if (!views.has(article)) views.set(article, new PictureView(article));
  return views.get(article);
}

/** The view of the next picture in sight, `step` 1, or the one before, -1. */
function neighbour(article, step) {
  for (let other = article; (other = step > 0 ? other.nextElementSibling : other.previousElementSibling);)
    if (!other.hidden && other.matches("article")) {
      const view = viewOf(other);
      if (view.line) return view;
    }
  return null;
}

// A picture gets its words and maps when it comes near the window.
const soon = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    soon.unobserve(entry.target);
    viewOf(entry.target);
  }
}, {rootMargin: "800px"});
const articles = [...document.querySelectorAll("article")];
articles.forEach((article) => soon.observe(article));

// The tools: a filter by text, and how maps are drawn.
const searched = articles.map((article) =>
  [...article.querySelectorAll("h2, .caption, .references")].map((part) => part.textContent).join("\n").toLowerCase());
const tools = element("form", {className: "tools", role: "search"});
tools.addEventListener("submit", (event) => event.preventDefault());
const search = element("input", {type: "search", placeholder: "a word or a file name"});
const scales = element("select", {}, element("option", {value: "word", textContent: "each word's peak"}),
                       element("option", {value: "page", textContent: "the page's largest"}));
const styles = element("select", {}, ...[["glow", "Glow"], ["heat", "Heat map"], ["cells", "Cells"]].map(
  ([value, textContent]) => element("option", {value, textContent})));
const kinds = element("select");
const count = element("output", {className: "count"});
tools.append(element("label", {}, "Find ", search), element("label", {}, "Maps ", styles),
             element("label", {}, "scaled to ", scales), count);
document.querySelector(".pictures").before(tools);
const stopped = document.getElementById("stopped");
if (stopped) tools.before(stopped);

const filters = [(i) => searched[i].includes(search.value.trim().toLowerCase())]; // all must agree

// A picture by two captioners is one, and shows both sides or neither.
const sides = new Map();
articles.forEach((article, i) => {
  const whole = article.closest(".pair") ?? article;
  sides.set(whole, [...(sides.get(whole) ?? []), i]);
});

function filter() {
  let shown = 0;
  for (const [whole, places] of sides) {
    whole.hidden = !places.some((i) => filters.every((wanted) => wanted(i)));
    for (const i of places) articles[i].hidden = whole.hidden;
    shown += whole.hidden ? 0 : 1;
  }
  const all = sides.size.toLocaleString("en");
  count.textContent = shown === sides.size ? `${all} ${all === "1" ? "picture" : "pictures"}`
                                           : `${shown.toLocaleString("en")} of ${all} pictures`;
}

search.addEventListener("input", filter);
/** Draws what shows anew. */
function redraw(prepare = () => {}) {
  for (const article of articles) {
    const view = views.get(article);
    if (!view || !view.line) continue;
    prepare(view);
    view.settle();
  }
}

styles.addEventListener("change", () => {
  mapStyle = styles.value;
  document.body.dataset.maps = mapStyle;
  redraw();
});
scales.addEventListener("change", () => {
  pageScale = scales.value === "page";
  redraw();
});
kinds.addEventListener("change", () => {
  mapKind = kinds.value;
  redraw((view) => view.useMaps());
});
if (articles.length > 0)
  for (const {name} of viewOf(articles[0]).record.captions[0].maps ?? [])
    kinds.append(element("option", {value: name, textContent: name === "pixels" ? "gradient by pixels" : name}));
if (kinds.options.length > 1) styles.parentElement.after(element("label", {}, "Of ", kinds));
filter();
