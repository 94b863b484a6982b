// Weights to pixels: a map of attention, smoothed as the overlays are and drawn over a picture.

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

const colours = bytesOf(JSON.parse(document.getElementById("colours").textContent)); // RGB of 256 steps

const STEPS = 8; // pixels drawn a cell, before the browser enlarges them
const DARKEN = 0.65, GLOW = 0.4, HEAT = 0.68;

/** A row of `count` values enlarged STEPS times by a cubic B-spline: as smooth as a Gaussian of 0.6 cells, never
 *  negative. `read(i)` gives value i, `write(j, value)` takes pixel j. */
function enlarge(count, read, write) {
  const at = (i) => read(Math.min(Math.max(i, 0), count - 1));
  for (let j = 0; j < count * STEPS; ++j) {
    const x = (j + 0.5) / STEPS - 0.5, i = Math.floor(x), f = x - i, g = 1 - f;
    write(j, (g * g * g * at(i - 1) + (4 - 6 * f * f + 3 * f * f * f) * at(i) +
              (4 - 6 * g * g + 3 * g * g * g) * at(i + 1) + f * f * f * at(i + 2)) / 6);
  }
}

/** rows x cols weights, bytes → {width, height, values}, from 0 to 1. */
function smoothed(weights, rows, cols) {
  const width = cols * STEPS, height = rows * STEPS;
  const wide = new Float32Array(width * rows), values = new Float32Array(width * height);
  for (let r = 0; r < rows; ++r) enlarge(cols, (i) => weights[r * cols + i], (j, v) => { wide[r * width + j] = v; });
  for (let x = 0; x < width; ++x)
    enlarge(rows, (i) => wide[i * width + x], (j, v) => { values[j * width + x] = v; });
  return {width, height, values: values.map((value) => value / 255)};
}

function bare(weights, rows, cols) {
  return {width: cols, height: rows, values: Float32Array.from(weights, (weight) => weight / 255)};
}

/** The colour [r, g, b, a] laid over the picture where a map has `value`, 0 to 1. */
const paints = {
  glow(value) {
    const lit = value * value, white = GLOW * lit, opacity = 1 - (1 - DARKEN * (1 - lit)) * (1 - white);
    const grey = opacity > 0 ? 255 * white / opacity : 0;
    return [grey, grey, grey, 255 * opacity];
  },
  heat(value) {
    return [...heatColour(value), 255 * HEAT];
  },
};

function heatColour(value) {
  const i = 3 * Math.round(255 * value);
  return [colours[i], colours[i + 1], colours[i + 2]];
}

/** A canvas with a map in the colours of `paint`. */
function painted({width, height, values}, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < values.length; ++i) image.data.set(paint(values[i]), 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Draws a map over `canvas`; `area` is what its grid lies over, [x, y, width, height] in shares of the canvas; `peak` is the
 *  weight that a byte of 255 stands for, `full` the one that shows in full, or 0: the map's own peak as it is drawn. Returns the
 *  weight that shows in full. */
function drawMap(canvas, weights, [rows, cols], area, style, peak, full) {
  const context = canvas.getContext("2d");
  const [x, y, width, height] = [area[0] * canvas.width, area[1] * canvas.height,
                                 area[2] * canvas.width, area[3] * canvas.height];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = `rgba(0, 0, 0, ${DARKEN})`; // where the network saw nothing
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.clearRect(x, y, width, height);
  const cells = style === "cells";
  context.imageSmoothingEnabled = !cells;
  context.imageSmoothingQuality = "high";
  const map = cells ? bare(weights, rows, cols) : smoothed(weights, rows, cols);
  const most = full > 0 ? full / (peak || 1) : map.values.reduce((a, b) => Math.max(a, b), 0);
  if (most > 0) map.values = map.values.map((value) => Math.min(value / most, 1));
  context.drawImage(painted(map, style === "glow" ? paints.glow : paints.heat), x, y, width, height);
  return most * peak;
}

function drawCell(canvas, cell, [rows, cols], area) {
  const context = canvas.getContext("2d");
  const width = area[2] * canvas.width / cols, height = area[3] * canvas.height / rows;
  const x = area[0] * canvas.width + (cell % cols) * width;
  const y = area[1] * canvas.height + Math.floor(cell / cols) * height;
  for (const [colour, line] of [["#000", 8], ["#fff", 4]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x, y, width, height);
  }
}
