// Speaker worklet: queues 8 kHz audio and marks, and resamples the audio to the context's rate.
// Messages in: {audio: ArrayBuffer}, {mark: name}, {clear: true}. Messages out: {mark: name} when the sample before the
// mark is passed to the output, and about every 20 ms {peak, played} (peak level, total samples played).

import { Resampler } from "./resampler.js";

const REPORT = 160;

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(8000, sampleRate);
    this.queue = [];
    this.place = 0;
    this.ready = []; // resampled samples not yet output
    this.played = 0;
    this.peak = 0;
    this.since = 0;
    this.port.onmessage = ({ data }) => this.handle(data);
  }

  handle({ audio, mark, clear }) {
    if (clear) {
      this.queue = [];
      this.place = 0;
    } else if (audio) {
      this.queue.push(new Int16Array(audio));
    } else {
      this.queue.push(mark);
    }
  }

  // Returns the next sample at 8 kHz; silence if nothing is queued.
  next() {
    while (this.queue.length) {
      const head = this.queue[0];
      if (typeof head !== "string" && this.place < head.length) {
        this.played += 1;
        return head[this.place++] / 32768;
      }
      if (typeof head === "string") this.port.postMessage({ mark: head });
      this.queue.shift();
      this.place = 0;
    }
    return 0;
  }

  process(_, [[out]]) {
    const keep = (sample) => this.ready.push(sample);
    while (this.ready.length < out.length) {
      const sample = this.next();
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.resampler.push(sample, keep);
      if (++this.since >= REPORT) this.report();
    }
    out.set(this.ready.splice(0, out.length));
    return true;
  }

  report() {
    this.port.postMessage({ peak: this.peak, played: this.played });
    this.peak = 0;
    this.since = 0;
  }
}

registerProcessor("speaker", Speaker);
