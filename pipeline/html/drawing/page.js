// The page: what happens from a stroke to an answer, and what is kept of drawings.

const description = JSON.parse(byId("description").textContent);
const model = { ...description, layers: readLayers(description.layers, bytesOf(byId("weights").textContent.trim())) };
const { classes, shape: [height, width, channels = 1] } = model;
const hidden = model.layers.length - 1;
const INK = 280; // pixels along the longer side of the drawing that the network's image is made of

const sheet = element("canvas", {
  width: Math.round((INK * width) / Math.max(height, width)), height: Math.round((INK * height) / Math.max(height, width)),
});
const sheetContext = sheet.getContext("2d", { willReadFrequently: true });
const canvas = byId("drawing");
Object.assign(canvas.dataset, { width, height });
canvas.style.aspectRatio = `${width} / ${height}`;

const kept = [];
let answer = null; // the image, pixels, probabilities and all that the network has made of them
let chosenUnit = null;
let saved = true;
let since = 0; // when the oldest change that is not answered yet came in
let waiting = 0;
let speaking = 0;

const drawing = new Drawing(canvas, () => getComputedStyle(document.documentElement).getPropertyValue("--ink"), (event) => {
  since = since || (event ? event.timeStamp : performance.now());
  if (!waiting) waiting = requestAnimationFrame(respond);
});
const bars = new Bars(byId("bars"), classes);
const units = model.layers.slice(0, hidden).map((layer, number) => new Units(byId("units"), number, layer, chooseUnit));

/** Return the image and the pixels of a drawing on a canvas, or of ink as {height, width, values} on 0..255. */
function prepare(source) {
  return prepared(source instanceof HTMLCanvasElement ? inkOf(source) : source, model);
}

/** Return which classes an answer tells. */
function told(probabilities) {
  if (model.multilabel) return classes.map((_, k) => k).filter((k) => probabilities[k] > 0.5);
  return [largest(probabilities)];
}

/** Answer at once to what waits for the next frame. */
function catchUp() {
  if (!waiting) return;
  cancelAnimationFrame(waiting);
  respond();
}

/** Answer to what is drawn by now. */
function respond() {
  waiting = 0;
  drawing.show();
  sheetContext.clearRect(0, 0, sheet.width, sheet.height);
  paint(sheetContext, drawing.strokes, sheet.width, "#fff");
  const { image, pixels } = prepare(sheet);
  const isEmpty = !image.some((value) => value > 0);
  answer = { image, pixels, isEmpty, ...answerTo(model, pixels) };
  showAnswer();
  answer.milliseconds = performance.now() - since;
  since = 0;
}

function showAnswer() {
  const { isEmpty, probabilities, passed } = answer;
  const chosen = isEmpty ? [] : told(probabilities);
  const name = chosen.map((k) => classes[k]).join(", ") || (isEmpty ? "–" : "none");
  const confidence = model.multilabel
    ? probabilities.reduce((product, p) => product * Math.max(p, 1 - p), 1) : probabilities[largest(probabilities)];
  byId("told").textContent = name;
  byId("sure").textContent = isEmpty ? "nothing is drawn yet" : percent(confidence);
  bars.show(isEmpty ? null : probabilities, chosen);
  showImage();
  units.forEach((layer, number) => layer.show(isEmpty ? null : passed[number].a));
  showUnit();
  clearTimeout(speaking);
  speaking = setTimeout(() => { byId("spoken").textContent = isEmpty ? "" : `${name}, ${percent(confidence)}`; }, 500);
  for (const button of document.querySelectorAll("#labels button, #labels select")) button.disabled = isEmpty;
  byId("undo").disabled = byId("clear").disabled = drawing.strokes.length === 0;
}

/** Return the class whose change is asked for: one by name, or the runner-up. */
function wanted() {
  const asked = Number(byId("change-to").value);
  if (asked >= 0) return asked;
  const order = classes.map((_, k) => k).sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
  return order[Math.min(1, order.length - 1)];
}

/** Return a gradient by pixels as one by ink: of a coloured image, of the three channels together. */
function byInk(gradient) {
  const sign = model.inverted ? -1 : 1;
  return answer.image.map ? Float64Array.from(answer.image, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c += 1) sum += sign * gradient[i * channels + c];
    return sum;
  }) : gradient;
}

function showImage() {
  const asked = byId("change").checked && !answer.isEmpty, k = asked ? wanted() : -1;
  const change = asked ? byInk(classGradient(model, answer, k)) : null;
  const { box, centre } = showSeen(byId("seen"), answer.image, height, width, change);
  Object.assign(answer, { box, centre, change });
  const place = box
    ? `Ink of ${box.right - box.left} by ${box.bottom - box.top} pixels, centre of mass at row ${centre[0].toFixed(1)}, column ${centre[1].toFixed(1)}.`
    : `An empty image of ${width} by ${height} pixels.`;
  const words = asked ? ` Blue: more ink there speaks for ${classes[k]}; orange: less ink there does.` : "";
  byId("seen-words").textContent = place + words;
  byId("seen").setAttribute("aria-label", `The image that the network sees. ${place}${words}`);
}

function chooseUnit(number, unit) {
  chosenUnit = { number, unit };
  units.forEach((layer, other) => layer.choose(other === number ? unit : null));
  showUnit();
}

function showUnit() {
  if (!chosenUnit || !answer) return;
  const { number, unit } = chosenUnit, first = number === 0;
  showSigned(byId("weights-of"), byInk(unitGradient(model, answer, number, unit)), height, width);
  const value = answer.isEmpty ? "" : ` It is at ${answer.passed[number].a[unit].toPrecision(3)}.`;
  const what = first ? "Its weights" : "What would raise it at this drawing";
  const words = `Unit ${unit + 1} of layer ${number + 1}.${value} ${what}: blue where ink raises it, orange where ink lowers it.`;
  byId("unit-words").textContent = words;
  byId("weights-of").setAttribute("aria-label", words);
}

// ------------------------------------------------------------ keeping drawings

function keep(k) {
  catchUp();
  if (!answer || answer.isEmpty) return;
  kept.push({ label: classes[k], image: answer.image, pixels: answer.pixels });
  saved = false;
  showKept();
  drawing.clear();
  byId("spoken-kept").textContent = `Kept as ${classes[k]}; ${kept.length} in all.`;
}

function showKept() {
  byId("kept").replaceChildren(...kept.map(({ label, image }, number) => {
    const small = element("canvas", { width, height });
    const context = small.getContext("2d"), data = context.createImageData(width, height);
    image.forEach((value, i) => data.data.set([value, value, value, 255], 4 * i));
    context.putImageData(data, 0, 0);
    small.setAttribute("role", "img");
    small.setAttribute("aria-label", `drawing ${number + 1}`);
    const remove = element("button", { type: "button", textContent: "×", title: "Remove" });
    remove.setAttribute("aria-label", `Remove drawing ${number + 1}, ${label}`);
    remove.addEventListener("click", () => {
      kept.splice(number, 1);
      showKept();
      (byId("kept").querySelectorAll("button")[Math.min(number, kept.length - 1)] || canvas).focus();
    });
    return element("li", {}, small, element("span", { textContent: label }), remove);
  }));
  byId("save").disabled = kept.length === 0;
  byId("count").textContent = kept.length === 1 ? "1 drawing" : `${kept.length} drawings`;
}

/** Return the kept drawings as a CSV of labels and pixels. */
function table() {
  const quoted = (label) => (/[",;\t]/.test(label) ? `"${label.replace(/"/g, '""')}"` : label);
  const header = ["label", ...Array.from({ length: width * height * channels }, (_, i) => `pixel${i}`)];
  return [header, ...kept.map(({ label, pixels }) => [quoted(label), ...pixels])].map((row) => `${row.join(",")}\n`).join("");
}

function save() {
  const link = element("a", { href: URL.createObjectURL(new Blob([table()], { type: "text/csv" })), download: "drawings.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  saved = true;
}

function offerLabels() {
  const place = byId("labels");
  if (classes.length <= 20) {
    classes.forEach((name, k) => {
      const button = element("button", { type: "button", textContent: name, disabled: true });
      button.setAttribute("aria-label", `Keep as ${name}`);
      button.addEventListener("click", () => keep(k));
      place.append(button);
    });
    return;
  }
  const select = element("select", { disabled: true }, ...classes.map((name, k) => element("option", { value: k, textContent: name })));
  select.setAttribute("aria-label", "Class of the drawing");
  const button = element("button", { type: "button", textContent: "Keep", disabled: true });
  button.addEventListener("click", () => keep(Number(select.value)));
  place.append(select, button);
}

// ------------------------------------------------------------ what one can press

byId("undo").addEventListener("click", () => drawing.undo());
byId("clear").addEventListener("click", () => drawing.clear());
byId("thickness").addEventListener("input", (event) => { drawing.thickness = Number(event.target.value) / 1000; });
byId("change").addEventListener("change", () => answer && showImage());
byId("change-to").append(...classes.map((name, k) => element("option", { value: k, textContent: name })));
byId("change-to").addEventListener("change", () => answer && showImage());
byId("save").addEventListener("click", save);
canvas.addEventListener("keydown", (event) => {
  const k = classes.indexOf(event.key);
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key.toLowerCase() !== "z" || event.altKey) return;
    drawing.undo();
  } else if (event.key === "Backspace") drawing.undo();
  else if (event.key === "Delete" || event.key === "Escape") drawing.clear();
  else if (k >= 0 && model.keeps) keep(k);
  else return;
  event.preventDefault();
});
window.addEventListener("beforeunload", (event) => { if (!saved && kept.length) event.preventDefault(); });

if (model.keeps) offerLabels();
else byId("keep").remove();
if (!hidden) byId("inside").remove();
respond();
if (hidden) chooseUnit(0, 0);
for (let n = 0; n < 3; n += 1) { // a browser compiles what it has run before: the first stroke is answered as fast
  paint(sheetContext, [{ thickness: 0.1, points: [[0.3, 0.3], [0.7, 0.4], [0.4, 0.7]] }], sheet.width, "#fff");
  answerTo(model, prepare(sheet).pixels);
}

window.digits = {
  model,
  /** Return the probabilities of an image of pixels on 0..255. */
  predict: (pixels) => Array.from(answerTo(model, pixels).probabilities),
  /** Return the pixels that the network sees of a canvas, or of ink as {height, width, values}. */
  prepare: (source) => prepare(source).pixels,
  /** Replace what is drawn, by strokes {points, thickness} in shares of the canvas's width, and answer at once. */
  draw: (strokes) => {
    drawing.replace(strokes.map(({ points, thickness = drawing.thickness }) => ({ points, thickness })));
    catchUp();
  },
  /** Choose a hidden unit, counted from 0. */
  chooseUnit,
  table,
  get state() {
    const { image, pixels, probabilities, passed, isEmpty, box, centre, change, milliseconds } = answer;
    return {
      strokes: drawing.strokes, image, pixels, probabilities: Array.from(probabilities), isEmpty, box, centre, change,
      label: isEmpty ? null : told(probabilities).map((k) => classes[k]).join(","), milliseconds, unit: chosenUnit,
      waiting: waiting !== 0, hidden: passed.slice(0, hidden).map(({ a }) => Array.from(a)),
      kept: kept.map(({ label, pixels: some }) => ({ label, pixels: Array.from(some) })),
    };
  },
};
