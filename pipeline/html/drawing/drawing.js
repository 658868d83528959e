// Where one draws: strokes of a pen, a finger, a mouse or the keyboard, shown at once and kept as points.

/** What is drawn, in shares of the canvas's width; calls `changed` for whatever changes it. */
class Drawing {
  constructor(canvas, colour, changed) {
    Object.assign(this, { canvas, colour, changed, strokes: [], thickness: 0.085, active: null });
    this.keys = { x: 0.5, y: 0.5 * this.aspect, down: false, shown: false };
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.end(event));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.lift());
    new ResizeObserver(() => this.show()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
  }

  get aspect() {
    return Number(this.canvas.dataset.height) / Number(this.canvas.dataset.width);
  }

  /** Return the point of an event. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width];
  }

  begin(event) {
    if (!event.isPrimary || event.button !== 0 || this.active !== null) return;
    try { this.canvas.setPointerCapture(event.pointerId); } catch { /* made by a script, it is no pointer */ }
    this.lift();
    this.active = event.pointerId;
    this.strokes.push({ thickness: this.thickness, points: [this.point(event)] });
    this.changed(event);
  }

  go(event) {
    if (event.pointerId !== this.active) return;
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of passed.length ? passed : [event]) this.extend(this.point(one));
    this.changed(event);
  }

  end(event) {
    if (event.pointerId !== this.active) return;
    this.active = null;
    this.changed(event);
  }

  extend(point) {
    const { points } = this.strokes[this.strokes.length - 1], before = points[points.length - 1];
    if (Math.hypot(point[0] - before[0], point[1] - before[1]) > 0.001) points.push(point);
  }

  /** Draw by keys: arrows move the pen, the space bar puts it down and lifts it. */
  key(event) {
    const step = event.shiftKey ? 0.12 : 0.03, { keys } = this;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(move || event.key === " ")) return;
    event.preventDefault();
    if (this.active !== null) return; // a pointer's stroke goes on, and takes no points of another
    if (move) {
      keys.x = clip(keys.x + move[0], 0, 1);
      keys.y = clip(keys.y + move[1], 0, this.aspect);
      if (keys.down) this.extend([keys.x, keys.y]);
    } else {
      keys.down = !keys.down;
      if (keys.down) this.strokes.push({ thickness: this.thickness, points: [[keys.x, keys.y]] });
    }
    keys.shown = true;
    this.changed(event);
  }

  lift() {
    Object.assign(this.keys, { down: false, shown: false });
    this.show();
  }

  undo() {
    this.replace(this.strokes.slice(0, -1));
  }

  clear() {
    this.replace([]);
  }

  /** Draw other strokes; the one that is being drawn ends. */
  replace(strokes) {
    this.active = null;
    this.keys.down = false;
    this.strokes = strokes;
    this.changed();
  }

  /** Paint the strokes on the screen, as finely as it is. */
  show() {
    const box = this.canvas.getBoundingClientRect(), dense = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(box.width * dense)), height = Math.max(1, Math.round(width * this.aspect));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    paint(context, this.strokes, width, this.colour());
    if (this.keys.shown) {
      context.strokeStyle = context.fillStyle = getComputedStyle(this.canvas).outlineColor;
      context.lineWidth = 2 * dense;
      context.beginPath();
      context.arc(this.keys.x * width, this.keys.y * width, 7 * dense, 0, 2 * Math.PI);
      if (this.keys.down) context.fill(); else context.stroke();
    }
  }
}

/** Paint strokes on a canvas of a width: through the middles between points, so that they are smooth. */
function paint(context, strokes, width, colour) {
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = colour;
  for (const { points, thickness } of strokes) {
    const at = points.map(([x, y]) => [x * width, y * width]);
    context.lineWidth = thickness * width;
    context.beginPath();
    if (at.length === 1) {
      context.arc(...at[0], context.lineWidth / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    context.moveTo(...at[0]);
    for (let i = 1; i < at.length - 1; i += 1) {
      context.quadraticCurveTo(...at[i], (at[i][0] + at[i + 1][0]) / 2, (at[i][1] + at[i + 1][1]) / 2);
    }
    context.lineTo(...at[at.length - 1]);
    context.stroke();
  }
}

/** Return the ink of a canvas on 0..255: how bright each pixel is, and how opaque. */
function inkOf(canvas) {
  const { width, height } = canvas, ink = field(height, width);
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  for (let i = 0; i < ink.values.length; i += 1) {
    const bright = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    ink.values[i] = Math.round((bright * data[4 * i + 3]) / 255);
  }
  return ink;
}
