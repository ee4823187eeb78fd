// The speaker's side: what is to be played at 8 kHz, with marks between, in; the context's rate out.
// Messages in: {audio: ArrayBuffer}, {mark: name}, {clear: true}. Messages out: {mark: name} when the sample before the
// mark is handed to the output, and about every 20 ms {peak, played} (the loudest sample, all samples played so far).

import { Resampler } from "./resampler.js";

const REPORT = 160;

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(8000, sampleRate);
    this.queue = [];
    this.place = 0;
    this.ready = []; // output samples made and not yet handed over
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

  // The next sample at 8 kHz; silence when nothing is queued.
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
