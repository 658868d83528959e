// What is shown of an answer: the image that the network sees, bars, hidden units, weights.

const BLUE = [86, 180, 233], ORANGE = [230, 159, 0]; // told apart by every kind of colour vision (Okabe and Ito)

const byId = (id) => document.getElementById(id);

/** Return a new element with attributes and what is in it. */
function element(name, attributes = {}, ...inside) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...inside);
  return made;
}

/** Return a probability as text. */
function percent(p) {
  if (p > 0.9995 && p < 1) return "> 99.9 %"; // nothing is certain
  return `${(100 * p).toFixed(1)} %`;
}

/** Return a canvas's context, with the canvas as large as an image whose pixels are squares of a size. */
function enlarged(canvas, height, width) {
  const size = Math.max(1, Math.floor(336 / Math.max(height, width)));
  Object.assign(canvas, { height: height * size, width: width * size });
  return [canvas.getContext("2d"), size];
}

/** Show an image, over it what would have to change, and the box and the centre of mass of its ink. */
function showSeen(canvas, image, height, width, change) {
  const [context, size] = enlarged(canvas, height, width);
  const most = change ? change.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30) : 1;
  for (let i = 0; i < image.length; i += 1) {
    const at = [(i % width) * size, Math.floor(i / width) * size, size, size];
    context.fillStyle = `rgb(${image[i]},${image[i]},${image[i]})`;
    context.fillRect(...at);
    const share = change ? change[i] / most : 0;
    if ((share > 0 && image[i] < 255) || (share < 0 && image[i] > 0)) {
      context.fillStyle = `rgba(${share > 0 ? BLUE : ORANGE},${Math.abs(share) ** 0.7})`;
      context.fillRect(...at);
    }
  }
  const ink = { height, width, values: image }, box = boxAbove(ink, 0), centre = centreOf(ink);
  if (!box) return { box, centre };
  context.lineWidth = 2;
  context.strokeStyle = "#7ee2b8";
  context.strokeRect(box.left * size, box.top * size, (box.right - box.left) * size, (box.bottom - box.top) * size);
  const [y, x] = centre.map((at) => (at + 0.5) * size);
  for (const [colour, thick] of [["#000", 5], ["#7ee2b8", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(x - size, y); context.lineTo(x + size, y);
    context.moveTo(x, y - size); context.lineTo(x, y + size);
    context.stroke();
  }
  return { box, centre };
}

/** Show numbers as pixels: 0 black, above it blue, below it orange. */
function showSigned(canvas, values, height, width) {
  const [context, size] = enlarged(canvas, height, width);
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
  values.forEach((value, i) => {
    const share = Math.abs(value) / most, colour = (value > 0 ? BLUE : ORANGE).map((one) => Math.round(one * share));
    context.fillStyle = `rgb(${colour})`;
    context.fillRect((i % width) * size, Math.floor(i / width) * size, size, size);
  });
}

/** The bars of probability: all classes, or the likeliest where there are many. */
class Bars {
  constructor(list, classes) {
    Object.assign(this, { list, classes, all: classes.length <= 20 });
    const longest = classes.reduce((most, name) => Math.max(most, name.length), 1);
    list.style.setProperty("--names", `${0.75 * Math.min(longest, 14) + 0.3}rem`);
    this.rows = Array.from({ length: this.all ? classes.length : 12 }, () => {
      const name = element("span", { className: "name" }), fill = element("span", { className: "fill" });
      const number = element("span", { className: "number" });
      const row = element("li", {}, name, element("span", { className: "bar" }, fill), number);
      list.append(row);
      return { row, name, fill, number };
    });
    this.show(null, []);
  }

  show(probabilities, chosen) {
    const order = this.classes.map((_, k) => k);
    if (!this.all && probabilities) order.sort((a, b) => probabilities[b] - probabilities[a]);
    this.rows.forEach(({ row, name, fill, number }, place) => {
      const k = order[place], p = probabilities ? probabilities[k] : 0;
      name.textContent = name.title = this.classes[k];
      fill.style.width = `${100 * p}%`;
      number.textContent = probabilities ? percent(p) : "–";
      row.classList.toggle("chosen", chosen.includes(k));
    });
  }
}

/** A hidden layer: a pixel for each unit, lit as it is active; a click chooses one. */
class Units {
  constructor(parent, number, { nOut, activation }, choose) {
    this.n = nOut;
    this.columns = Math.min(nOut, 2 ** Math.ceil(Math.log2(Math.sqrt(2 * nOut))));
    this.rows = Math.ceil(nOut / this.columns);
    this.canvas = element("canvas", { width: this.columns, height: this.rows });
    this.canvas.setAttribute("role", "img");
    this.mark = element("span", { className: "mark", hidden: true });
    this.words = element("figcaption");
    this.input = element("input", { type: "number", min: 1, max: nOut, step: 1, id: `unit-${number}` });
    const label = element("label", { htmlFor: this.input.id, textContent: "Unit " });
    this.strongest = element("button", { type: "button", textContent: "Most active" });
    this.input.setAttribute("aria-label", `Unit of layer ${number + 1}`);
    this.strongest.setAttribute("aria-label", `Most active unit of layer ${number + 1}`);
    this.title = `Layer ${number + 1}`;
    this.kind = `${nOut} units, ${activation.replace("_", " ")}`;
    const stage = element("div", { className: "stage" }, this.canvas, this.mark);
    parent.append(element("figure", {}, this.words, stage, element("p", {}, label, this.input, this.strongest)));
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
      const unit = clip(row, 0, this.rows - 1) * this.columns + clip(column, 0, this.columns - 1);
      if (unit < nOut) choose(number, unit);
    });
    this.input.addEventListener("change", () => {
      const unit = Math.round(Number(this.input.value)) - 1;
      if (unit >= 0 && unit < nOut) choose(number, unit);
    });
    this.strongest.addEventListener("click", () => choose(number, this.values ? largest(this.values) : 0));
    this.show(null);
  }

  show(values) {
    this.values = values;
    const context = this.canvas.getContext("2d"), image = context.createImageData(this.columns, this.rows);
    const most = values ? values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30) : 1;
    let active = 0;
    for (let unit = 0; unit < this.n; unit += 1) {
      const value = values ? values[unit] / most : 0;
      active += value > 0;
      const colour = value < 0 ? ORANGE : [255, 255, 255];
      for (let c = 0; c < 3; c += 1) image.data[4 * unit + c] = 40 + (colour[c] - 40) * Math.sqrt(Math.abs(value));
      image.data[4 * unit + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    const now = values ? `: ${active} above 0` : "";
    this.words.textContent = `${this.title} (${this.kind})${now}`;
    this.canvas.setAttribute("aria-label", this.words.textContent);
  }

  choose(unit) {
    this.mark.hidden = unit === null;
    this.input.value = unit === null ? "" : unit + 1;
    if (unit === null) return;
    Object.assign(this.mark.style, {
      left: `${(100 * (unit % this.columns)) / this.columns}%`, top: `${(100 * Math.floor(unit / this.columns)) / this.rows}%`,
      width: `${100 / this.columns}%`, height: `${100 / this.rows}%`,
    });
  }
}

/** Return where the largest of some numbers stands. */
function largest(values) {
  return values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
}
