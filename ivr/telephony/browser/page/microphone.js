// Microphone worklet: resamples from the context's rate to 20 ms frames of 16-bit samples at 8 kHz.

import { Resampler } from "./resampler.js";

const FRAME = 160;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, 8000);
    this.begin();
  }

  begin() {
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.peak = 0;
  }

  take(sample) {
    const value = Math.max(-1, Math.min(1, sample));
    this.frame[this.filled++] = Math.round(value * 32767);
    this.peak = Math.max(this.peak, Math.abs(value));
    if (this.filled < FRAME) return;
    this.port.postMessage({ frame: this.frame.buffer, peak: this.peak }, [this.frame.buffer]);
    this.begin();
  }

  process([[channel]]) {
    const take = (sample) => this.take(sample);
    for (let i = 0; i < 128; i++) this.resampler.push(channel ? channel[i] : 0, take);
    return true;
  }
}

registerProcessor("microphone", Microphone);
