// Streaming sample-rate conversion with a windowed-sinc low-pass filter; exact for any pair of integer rates.

const ZERO_CROSSINGS = 32;
const PASSED = 0.94; // cutoff (middle of the transition band) as a share of the lower Nyquist frequency
const KAISER_BETA = 8; // about 80 dB of stop-band attenuation

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

function bessel0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

export class Resampler {
  constructor(from, to) {
    const shared = gcd(from, to);
    this.step = from / shared; // input samples for `phases` output samples
    this.phases = to / shared;
    const cutoff = (PASSED * Math.min(from, to)) / from; // as a share of the input's Nyquist frequency
    this.half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.taps = 2 * this.half;
    this.kernels = Array.from({ length: this.phases }, (_, phase) => this.kernel(phase / this.phases, cutoff));
    this.reset();
  }

  kernel(fraction, cutoff) {
    const weights = Float32Array.from({ length: this.taps }, (_, tap) => {
      const x = tap - this.half + 1 - fraction;
      const place = x / this.half;
      if (Math.abs(place) >= 1) return 0;
      const angle = Math.PI * cutoff * x;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      return cutoff * sinc * (bessel0(KAISER_BETA * Math.sqrt(1 - place * place)) / bessel0(KAISER_BETA));
    });
    const gain = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / gain);
  }

  reset() {
    this.input = new Float32Array(this.taps); // latest input samples, newest last
    this.phase = 0;
    this.due = 0; // input samples needed before the next output sample
  }

  // Adds one input sample and calls `emit` for each output sample it completes.
  push(sample, emit) {
    this.input.copyWithin(0, 1);
    this.input[this.taps - 1] = sample;
    while (this.due === 0) {
      const kernel = this.kernels[this.phase];
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap++) sum += kernel[tap] * this.input[tap];
      this.phase += this.step;
      this.due = Math.floor(this.phase / this.phases);
      this.phase %= this.phases;
      emit(sum);
    }
    this.due -= 1;
  }
}
