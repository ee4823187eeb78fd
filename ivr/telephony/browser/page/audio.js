// The browser's microphone and speaker as 8 kHz frames. Must not know: the server.

const here = (file) => new URL(file, import.meta.url);

// How long the browser may take to run the sound before it counts as suspended.
const PATIENCE_MS = 1000;
// What a browser may wait for before it runs the sound.
const GESTURES = ["click", "keydown", "touchend"];

export class Audio {
  // Opens the microphone; rejects with the browser's DOMException (NotAllowedError, NotFoundError, …), or with
  // NetworkError if the worklets could not be fetched. Call it in the handler of a click: a context made by a click
  // may run.
  static async open(handlers) {
    const constraints = { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 1 };
    const context = new AudioContext({ latencyHint: "interactive" });
    let stream = null;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
      await Promise.all(["microphone.js", "speaker.js"].map((file) => context.audioWorklet.addModule(here(file)))).catch((error) => {
        throw new DOMException(error.message, "NetworkError");
      });
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      await context.close();
      throw error;
    }
    return new Audio(stream, context, handlers);
  }

  constructor(stream, context, { onFrame, onLevel, onMark, onLost, onSuspended }) {
    this.stream = stream;
    this.context = context;
    this.played = 0;
    this.volume = new GainNode(context);
    this.speaker = new AudioWorkletNode(context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
    this.speaker.connect(this.volume).connect(context.destination);
    this.speaker.port.onmessage = ({ data }) => {
      if ("mark" in data) return onMark(data.mark);
      this.played = data.played;
      return onLevel("speaker", data.peak);
    };
    this.microphone = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.microphone.port.onmessage = ({ data }) => {
      onLevel("microphone", data.peak);
      onFrame(data.frame);
    };
    context.createMediaStreamSource(stream).connect(this.microphone);
    stream.getAudioTracks()[0].addEventListener("ended", onLost);
    this.onSuspended = onSuspended;
    this.closing = new AbortController();
    for (const gesture of GESTURES) document.addEventListener(gesture, () => this.resume(), { signal: this.closing.signal });
    context.addEventListener("statechange", () => this.watch(), { signal: this.closing.signal });
    this.watch();
  }

  get over() {
    return this.context.state === "closed";
  }

  // Resolves when the sound runs, or is closed.
  running() {
    return new Promise((resolve) => {
      const check = () => (this.context.state === "running" || this.over) && resolve();
      this.context.addEventListener("statechange", check);
      check();
    });
  }

  // Resumes a suspended sound; reports it as suspended if that does not help, and as running later.
  watch() {
    clearTimeout(this.patience);
    if (this.context.state === "running") return this.onSuspended(false);
    this.patience = setTimeout(() => this.onSuspended(true), PATIENCE_MS);
    return this.resume();
  }

  resume() {
    if (this.context.state !== "running" && !this.over) this.context.resume().catch(() => {}); // it may need a gesture
  }

  play(audio) {
    this.speaker.port.postMessage({ audio }, [audio]);
  }

  mark(name) {
    this.speaker.port.postMessage({ mark: name });
  }

  clear() {
    this.speaker.port.postMessage({ clear: true });
  }

  setVolume(gain) {
    this.volume.gain.setTargetAtTime(gain, this.context.currentTime, 0.01);
  }

  close() {
    this.closing.abort();
    clearTimeout(this.patience);
    this.stream.getTracks().forEach((track) => track.stop());
    return this.context.close();
  }
}
