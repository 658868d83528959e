// From a drawing to the image that the network sees: the arithmetic of pipeline.images.photo and of Pillow.

const SEEN = 0.1, INKED = 0.2, RIM = 0.98, SOFT = 1.2; // as in pipeline.images.photo and pipeline.images.segments

/** Return a number rounded to a whole one, and halves to even ones. */
function roundEven(x) {
  const below = Math.floor(x), rest = x - below;
  return rest === 0.5 ? below + (below % 2 ? 1 : 0) : Math.floor(x + 0.5);
}

const clip = (x, low, high) => Math.min(Math.max(x, low), high);

/** Return a field of zeros of one's own size: values row by row. */
const field = (height, width) => ({ height, width, values: new Float64Array(height * width) });

/** Return the box (top, left, bottom, right) of what is above a level; the last two lie one beyond; null for none. */
function boxAbove({ height, width, values }, level) {
  let top = height, left = width, bottom = 0, right = 0;
  for (let r = 0, k = 0; r < height; r += 1) {
    for (let c = 0; c < width; c += 1, k += 1) {
      if (values[k] > level) {
        top = Math.min(top, r); bottom = r + 1; left = Math.min(left, c); right = Math.max(right, c + 1);
      }
    }
  }
  return bottom ? { top, left, bottom, right } : null;
}

/** Return a part of a field, with zeros around it and where it reaches beyond. */
function part(from, { top, left, bottom, right }, margin) {
  const cut = field(bottom - top + 2 * margin, right - left + 2 * margin);
  for (let r = Math.max(top, 0); r < Math.min(bottom, from.height); r += 1) {
    for (let c = Math.max(left, 0); c < Math.min(right, from.width); c += 1) {
      cut.values[(r - top + margin) * cut.width + c - left + margin] = from.values[r * from.width + c];
    }
  }
  return cut;
}

/** Return the largest value of each row and of each column. */
function profiles({ height, width, values }) {
  const rows = new Float64Array(height), columns = new Float64Array(width);
  for (let r = 0, k = 0; r < height; r += 1) {
    for (let c = 0; c < width; c += 1, k += 1) {
      if (values[k] > rows[r]) rows[r] = values[k];
      if (values[k] > columns[c]) columns[c] = values[k];
    }
  }
  return [rows, columns];
}

/** Return a field blurred by a Gaussian, as scipy.ndimage does with zeros all around. */
function blurred(from, sigma) {
  const radius = Math.floor(4 * sigma + 0.5), weights = [];
  for (let x = -radius; x <= radius; x += 1) weights.push(Math.exp((-0.5 / (sigma * sigma)) * x * x));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const along = ({ height, width, values }) => { // blurs down, and turns rows into columns
    const turned = field(width, height);
    const column = new Float64Array(height);
    for (let c = 0; c < width; c += 1) {
      column.fill(0);
      for (let r = 0; r < height; r += 1) {
        const value = values[r * width + c];
        if (value === 0) continue;
        const first = Math.max(0, r - radius), last = Math.min(height - 1, r + radius);
        for (let i = first; i <= last; i += 1) column[i] += (value * weights[i - r + radius]) / total;
      }
      turned.values.set(column, c * height);
    }
    return turned;
  };
  return along(along(from));
}

/** Return where a profile first rises above a level and last falls below it, between its pixels. */
function ends(profile, level) {
  const first = profile.findIndex((value) => value > level);
  let last = profile.length - 1;
  while (profile[last] <= level) last -= 1;
  return [
    first + 0.5 - (profile[first] - level) / (profile[first] - profile[first - 1]),
    last + 0.5 + (profile[last] - level) / (profile[last] - profile[last + 1]),
  ];
}

/** Return Keys' cubic kernel, a = -0.5. */
function cubic(x) {
  const far = Math.abs(x);
  if (far < 1) return 1.5 * far ** 3 - 2.5 * far ** 2 + 1;
  return far < 2 ? -0.5 * far ** 3 + 2.5 * far ** 2 - 4 * far + 2 : 0;
}

/** Return, for each of `wide` pixels in steps of `scale`, which of `n` pixels it is read from and with what weights. */
function sampled(n, begin, end, scale, wide) {
  const pixels = Math.max(1, roundEven((end - begin) / scale - RIM));
  const start = (begin + end) / 2 - (Math.floor((wide - pixels) / 2) + pixels / 2) * scale;
  const width = Math.max(scale, 1), count = Math.ceil(6 * width + 1);
  let total = 0;
  for (let i = 0; i < count; i += 1) total += cubic((-3 * width + i) / width);
  return Array.from({ length: wide }, (_, row) => {
    const middle = start + (row + 0.5) * scale;
    const first = Math.max(0, Math.ceil(middle - 2 * width - 0.5));
    const last = Math.min(n - 1, Math.floor(middle + 2 * width - 0.5));
    const weights = [];
    for (let i = first; i <= last; i += 1) weights.push(cubic((i + 0.5 - middle) / width) / Math.max(total, 1e-9));
    return { first, weights };
  });
}

/** Return a field read by the weights of `down` for its rows and of `across` for its columns, nothing below 0. */
function resampled(from, down, across) {
  const between = field(down.length, from.width), made = field(down.length, across.length);
  down.forEach(({ first, weights }, r) => weights.forEach((weight, i) => {
    const at = (first + i) * from.width, to = r * from.width;
    for (let c = 0; c < from.width; c += 1) between.values[to + c] += weight * from.values[at + c];
  }));
  for (let r = 0; r < down.length; r += 1) {
    across.forEach(({ first, weights }, c) => {
      let sum = 0;
      weights.forEach((weight, i) => { sum += weight * between.values[r * from.width + first + i]; });
      made.values[r * made.width + c] = Math.max(sum, 0);
    });
  }
  return made;
}

/** Return the centre of mass of a field, as row and column; null where it is empty. */
function centreOf({ height, width, values }) {
  let mass = 0, down = 0, across = 0;
  for (let r = 0, k = 0; r < height; r += 1) {
    for (let c = 0; c < width; c += 1, k += 1) {
      mass += values[k]; down += values[k] * r; across += values[k] * c;
    }
  }
  return mass > 0 ? [down / mass, across / mass] : null;
}

/** Return the part of a field whose middle pixel is the centre of mass, its brightest pixel at 255. */
function inTheMiddle(from, size) {
  // Of a symmetric stroke the centre lies on the border of two pixels, and the last bits of a sum must not choose.
  const pixel = (at) => Math.floor(Math.round((at + 0.5) * 1e6) / 1e6);
  const corner = centreOf(from).map((at) => clip(pixel(at) - Math.floor(size / 2), 0, size));
  const cut = part(from, { top: corner[0], left: corner[1], bottom: corner[0] + size, right: corner[1] + size }, 0);
  const most = Math.max(cut.values.reduce((a, b) => Math.max(a, b), 0), 1e-9);
  return Uint8Array.from(cut.values, (value) => roundEven((255 * value) / most));
}

/** Return a drawing, all of whose ink is one sign, in the form of MNIST's images: as drawn_digit in Python. */
function inkAsImage(ink, size, inkSize) {
  const density = { ...ink, values: Float64Array.from(ink.values, (value) => value / 255) };
  const box = boxAbove(density, INKED * density.values.reduce((a, b) => Math.max(a, b), 0));
  if (!box) return new Uint8Array(size * size);
  const length = Math.max(box.bottom - box.top, box.right - box.left), pixel = length / inkSize;
  const reach = Math.max(1, roundEven((SOFT * length) / inkSize));
  const around = {
    top: Math.max(0, box.top - reach), left: Math.max(0, box.left - reach),
    bottom: Math.min(ink.height, box.bottom + reach), right: Math.min(ink.width, box.right + reach),
  };
  const alone = part(density, around, 2 + reach);
  const [rows, columns] = profiles(pixel > 1.5 ? blurred(alone, 0.3 * pixel) : alone);
  const level = SEEN * rows.reduce((a, b) => Math.max(a, b), 0);
  const [[top, bottom], [left, right]] = [ends(rows, level), ends(columns, level)];
  const scale = Math.max(bottom - top, right - left) / (inkSize + RIM);
  const down = sampled(alone.height, top, bottom, scale, 2 * size);
  const across = sampled(alone.width, left, right, scale, 2 * size);
  return inTheMiddle(resampled(alone, down, across), size);
}

/** Return the weights of 22 bits that Pillow reads `n` pixels with by Lanczos' kernel, for each of `wide` pixels. */
function lanczos(n, wide) {
  const scale = n / wide, stretch = Math.max(scale, 1), support = 3 * stretch;
  const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
  const kernel = (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);
  return Array.from({ length: wide }, (_, row) => {
    const middle = (row + 0.5) * scale;
    const first = Math.max(0, Math.trunc(middle - support + 0.5));
    const last = Math.min(n, Math.trunc(middle + support + 0.5));
    const weights = [];
    for (let i = first; i < last; i += 1) weights.push(kernel((i - middle + 0.5) / stretch));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((one) => Math.trunc((one / total) * 2 ** 22 + (one < 0 ? -0.5 : 0.5))) };
  });
}

/** Return a drawing shrunk to an image, as Pillow does with bytes: across first, then down. */
function shrunk({ height, width, values }, tall, wide) {
  const byte = (sum) => clip(Math.floor((sum + 2 ** 21) / 2 ** 22), 0, 255);
  const between = new Uint8Array(height * wide), made = new Uint8Array(tall * wide);
  lanczos(width, wide).forEach(({ first, weights }, c) => {
    for (let r = 0; r < height; r += 1) {
      between[r * wide + c] = byte(weights.reduce((sum, one, i) => sum + one * values[r * width + first + i], 0));
    }
  });
  lanczos(height, tall).forEach(({ first, weights }, r) => {
    for (let c = 0; c < wide; c += 1) {
      made[r * wide + c] = byte(weights.reduce((sum, one, i) => sum + one * between[(first + i) * wide + c], 0));
    }
  });
  return made;
}

/** Return pixels as a model takes them, and the ink alone, of a drawing (height, width, values on 0..255). */
function prepared(ink, { shape: [height, width, channels], inkSize, inverted }) {
  const image = inkSize ? inkAsImage(ink, height, inkSize) : shrunk(ink, height, width);
  if (!channels) return { image, pixels: image };
  const pixels = new Uint8Array(image.length * channels);
  image.forEach((value, i) => pixels.fill(inverted ? 255 - value : value, i * channels, (i + 1) * channels));
  return { image, pixels };
}
