// The network: weights out of base64, an answer to pixels, and what a pixel would change in it.

/** Return what each of the 65,536 numbers of 16 bits is, by IEEE 754. */
function halfFloats() {
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    values[bits] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  }
  return values;
}

/** Return the bytes that a text in base64 stands for. */
function bytesOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** Return layers with their weights W (nIn x nOut, row by row) and biases b. */
function readLayers(description, bytes) {
  const numbers = new DataView(bytes.buffer), half = halfFloats();
  let at = 0;
  const floats = (n) => Float32Array.from({ length: n }, () => numbers.getFloat32((at += 4) - 4, true));
  return description.map(({ nIn, nOut, activation }) => {
    const scale = floats(nOut), b = floats(nOut), W = new Float32Array(nIn * nOut);
    for (let i = 0, k = 0; i < nIn; i += 1) {
      for (let j = 0; j < nOut; j += 1, k += 1, at += 2) W[k] = scale[j] * half[numbers.getUint16(at, true)];
    }
    return { nIn, nOut, activation, W, b };
  });
}

const CUBIC = 0.044715, C = Math.sqrt(2 / Math.PI), ALPHA = 1.6732632423543772, SCALE = 1.0507009873554805;

/** Return log(1 + exp(z)). */
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** The activations, and their derivatives by what comes in (z) and what goes out (a). */
const ACTIVATIONS = {
  identity: [(z) => z, () => 1],
  logistic: [(z) => (1 + Math.tanh(z / 2)) / 2, (z, a) => a * (1 - a)],
  tanh: [Math.tanh, (z, a) => 1 - a * a],
  relu: [(z) => (z > 0 ? z : 0), (z) => (z > 0 ? 1 : 0)],
  leaky_relu: [(z) => (z > 0 ? z : 0.01 * z), (z) => (z > 0 ? 1 : 0.01)],
  elu: [(z) => (z > 0 ? z : Math.expm1(z)), (z, a) => (z > 0 ? 1 : a + 1)],
  selu: [
    (z) => SCALE * (z > 0 ? z : ALPHA * Math.expm1(z)),
    (z, a) => (z > 0 ? SCALE : a + SCALE * ALPHA),
  ],
  gelu: [
    (z) => 0.5 * z * (1 + Math.tanh(C * (z + CUBIC * z ** 3))),
    (z) => {
      const T = Math.tanh(C * (z + CUBIC * z ** 3));
      return 0.5 * (1 + T) + 0.5 * z * (1 - T * T) * C * (1 + 3 * CUBIC * z * z);
    },
  ],
  mish: [
    (z) => z * Math.tanh(softplus(z)),
    (z) => {
      const T = Math.tanh(softplus(z));
      return T + (z * (1 - T * T)) / (1 + Math.exp(-z));
    },
  ],
};

/** Return x W + b. */
function affine({ nIn, nOut, W, b }, x) {
  const z = Float64Array.from(b);
  for (let i = 0; i < nIn; i += 1) {
    const value = x[i];
    if (value === 0) continue; // most of an image, and half of a layer of rectified units
    for (let j = 0, k = i * nOut; j < nOut; j += 1, k += 1) z[j] += value * W[k];
  }
  return z;
}

/** Return W d, which takes a gradient back through a layer. */
function transposed({ nIn, nOut, W }, d) {
  const back = new Float64Array(nIn);
  for (let i = 0; i < nIn; i += 1) {
    let sum = 0;
    for (let j = 0, k = i * nOut; j < nOut; j += 1, k += 1) sum += W[k] * d[j];
    back[i] = sum;
  }
  return back;
}

/** Return exp(z) / sum(exp(z)), leaving out one of them where that is asked for. */
function softmax(z, without = -1) {
  let most = -Infinity;
  z.forEach((value, k) => { if (k !== without) most = Math.max(most, value); });
  const e = z.map((value, k) => (k === without ? 0 : Math.exp(value - most)));
  const sum = e.reduce((total, value) => total + value, 0);
  return e.map((value) => value / sum);
}

/** Return probabilities of all classes by what comes out of the last layer. */
function probabilitiesOf(network, z) {
  if (network.layers[network.layers.length - 1].activation === "softmax") return softmax(z);
  const p = z.map((value) => (value < 0 ? Math.exp(value) / (1 + Math.exp(value)) : 1 / (1 + Math.exp(-value))));
  if (p.length > 1) return p;
  return network.classes.length === 1 ? Float64Array.of(1) : Float64Array.of(1 - p[0], p[0]);
}

/** Return probabilities of an image of pixels on 0..255, and what each layer has made of it (z before, a after f). */
function answerTo(network, pixels) {
  let a = Float64Array.from(pixels, (pixel) => Math.fround(pixel * network.scale + network.shift));
  const passed = network.layers.map((layer, number) => {
    const z = affine(layer, a);
    a = number < network.layers.length - 1 ? z.map(ACTIVATIONS[layer.activation][0]) : z; // the last has its own below
    return { z, a };
  });
  return { passed, probabilities: probabilitiesOf(network, a) };
}

/** Return the gradient by each pixel of what has the gradient d by the values before f of a layer. */
function backward(network, passed, number, d) {
  let back = d;
  for (let n = number; n > 0; n -= 1) {
    const { z, a } = passed[n - 1], slope = ACTIVATIONS[network.layers[n - 1].activation][1];
    back = transposed(network.layers[n], back).map((value, i) => value && value * slope(z[i], a[i]));
  }
  return transposed(network.layers[0], back).map((value) => value * network.scale);
}

/** Return the gradient by each pixel of a class's log-odds, log(p / (1 - p)), which does not vanish as p nears 1. */
function classGradient(network, { passed }, k) {
  const last = network.layers.length - 1, { z } = passed[last];
  let d = new Float64Array(z.length);
  if (z.length === 1) d[0] = network.classes.length === 1 ? 0 : 2 * k - 1;
  else if (network.layers[last].activation === "softmax") d = softmax(z, k).map((p, j) => (j === k ? 1 : -p));
  else d[k] = 1;
  return backward(network, passed, last, d);
}

/** Return the gradient by each pixel of what a hidden unit sums up; of the first layer, the unit's weights. */
function unitGradient(network, { passed }, number, unit) {
  const d = new Float64Array(network.layers[number].nOut);
  d[unit] = 1;
  return backward(network, passed, number, d);
}
