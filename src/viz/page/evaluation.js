// Figures of an evaluation: their distributions, the worst and the best pictures, sorting and filtering.

const evaluation = JSON.parse(document.getElementById("evaluation").textContent);
const BINS = 16, EXTREMES = 5;
const valueOf = (i, figure) => evaluation.values[i][figure];
const shown = (value, figure) => value.toFixed(evaluation.figures[figure].digits);
const range = {figure: -1, least: 0, most: 0, last: false}; // the bar that filters, if one does

function svgElement(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A histogram whose bars filter the pictures. */
function distribution(figure) {
  const values = evaluation.values.map((row) => row[figure]);
  const least = values.reduce((a, b) => Math.min(a, b)), most = values.reduce((a, b) => Math.max(a, b));
  const width = (most - least || 1) / BINS, counts = new Array(BINS).fill(0);
  for (const value of values) ++counts[Math.min(BINS - 1, Math.floor((value - least) / width))];
  const tallest = Math.max(...counts), mean = values.reduce((a, b) => a + b) / values.length;
  const name = evaluation.figures[figure].name;
  const svg = svgElement("svg", {viewBox: `0 0 ${BINS * 10} 60`, preserveAspectRatio: "none", role: "group",
                                 "aria-label": `Distribution of ${name}`});
  counts.forEach((count, bin) => {
    const from = least + bin * width, to = from + width, height = 58 * count / tallest;
    const ends = `${shown(from, figure)} to ${shown(to, figure)}`;
    const bar = svgElement("g", {class: "bar", tabindex: 0, role: "button", "aria-pressed": "false",
                                 "aria-label": `${count} with ${name} from ${ends}`});
    const title = svgElement("title", {});
    title.textContent = `${ends}: ${count}`;
    bar.append(title, svgElement("rect", {class: "hit", x: bin * 10, y: 0, width: 10, height: 60}),
               svgElement("rect", {x: bin * 10 + .5, y: 60 - height, width: 9, height}));
    const press = () => {
      const again = bar.getAttribute("aria-pressed") === "true";
      for (const other of document.querySelectorAll(".distributions .bar")) other.setAttribute("aria-pressed", "false");
      bar.setAttribute("aria-pressed", String(!again));
      Object.assign(range, {figure: again ? -1 : figure, least: from, most: to, last: bin === BINS - 1});
      filter();
    };
    bar.addEventListener("click", press);
    bar.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
    svg.append(bar);
  });
  return element("figure", {}, element("figcaption", {textContent: `${name}, mean ${shown(mean, figure)}`}), svg,
                 element("div", {className: "ends"}, element("span", {textContent: shown(least, figure)}),
                         element("span", {textContent: shown(most, figure)})));
}

/** Places of the pictures from the smallest figure to the largest; -1 keeps the order of the file. */
function order(figure) {
  const places = articles.map((_, i) => i);
  return figure < 0 ? places : places.sort((a, b) => valueOf(a, figure) - valueOf(b, figure) || a - b);
}

function extremes(title, places, figure) {
  const list = element("ol");
  for (const i of places) {
    const textOf = (part) => articles[i].querySelector(part).textContent;
    list.append(element("li", {},
                        element("span", {className: "number", textContent: shown(valueOf(i, figure), figure)}),
                        element("a", {href: `#${articles[i].id}`, textContent: textOf(".caption")}),
                        element("span", {className: "soft", textContent: textOf("h2")})));
  }
  return element("div", {}, element("h2", {textContent: title}), list);
}

const summary = document.querySelector(".summary");
summary.append(element("div", {className: "distributions"},
                       ...evaluation.figures.map((_, figure) => distribution(figure))));
const lists = element("div", {className: "extremes"});
summary.append(lists);

function showExtremes(figure) {
  const places = order(figure), name = evaluation.figures[figure].name;
  lists.replaceChildren(extremes(`Best by ${name}`, places.slice(-EXTREMES).reverse(), figure),
                        extremes(`Worst by ${name}`, places.slice(0, EXTREMES), figure));
}

const sorting = element("select", {}, element("option", {value: -1, textContent: "the order of the file"}));
evaluation.figures.forEach(({name}, figure) => {
  sorting.append(element("option", {value: `${figure} up`, textContent: `${name}, worst first`}),
                 element("option", {value: `${figure} down`, textContent: `${name}, best first`}));
});
count.before(element("label", {}, "Sort by ", sorting));
sorting.addEventListener("change", () => {
  const [figure, direction] = sorting.value.split(" ");
  const places = order(Number(figure));
  if (direction === "down") places.reverse();
  articles[0].parentElement.append(...places.map((i) => articles[i]));
  if (Number(figure) >= 0) showExtremes(Number(figure));
});
filters.push((i) => {
  if (range.figure < 0) return true;
  const value = valueOf(i, range.figure);
  return value >= range.least && (range.last || value < range.most);
});
showExtremes(evaluation.figures.length - 1);
