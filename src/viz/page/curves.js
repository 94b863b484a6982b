// Values read off training curves where the pointer is.

const runs = [...document.querySelectorAll(".legend span")].map((name) => name.textContent);

function shortNumber(value) {
  return Math.abs(value) >= 10000 ? `${(value / 1000).toPrecision(4)}k` : String(Number(value.toPrecision(4)));
}

/** The index of the value in `sorted` nearest to `value`. */
function nearest(sorted, value) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - sorted[low - 1] < sorted[low] - value ? low - 1 : low;
}

for (const figure of document.querySelectorAll(".charts figure")) {
  const {x: [left, width, first, last], curves} = JSON.parse(figure.querySelector("script").textContent);
  const svg = figure.querySelector("svg"), cursor = svg.querySelector(".cursor");
  const reading = figure.querySelector(".reading");
  const read = (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const step = Math.min(last, Math.max(first, first + (at - left) / width * (last - first)));
    const place = left + (step - first) / (last - first) * width;
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    cursor.removeAttribute("hidden");
    reading.textContent = curves.map(({run, x, y}) => {
      const i = nearest(x, step);
      return `${runs.length > 1 ? `${runs[run]}: ` : ""}${shortNumber(y[i])} at step ${x[i]}`;
    }).join(" · ");
  };
  svg.addEventListener("pointermove", read);
  svg.addEventListener("pointerdown", read);
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("hidden", "");
    reading.textContent = "";
  });
}
