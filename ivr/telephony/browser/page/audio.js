// The browser's microphone and speaker as 8 kHz frames. Must not know: the server.

const here = (file) => new URL(file, import.meta.url);

export class Audio {
  // Opens the microphone; rejects with the browser's DOMException (NotAllowedError, NotFoundError, …), or with
  // NetworkError if the worklets could not be fetched.
  static async open({ onFrame, onLevel, onMark, onLost }) {
    const constraints = { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 1 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    const context = new AudioContext({ latencyHint: "interactive" });
    try {
      await Promise.all(["microphone.js", "speaker.js"].map((file) => context.audioWorklet.addModule(here(file)))).catch((error) => {
        throw new DOMException(error.message, "NetworkError");
      });
      await context.resume();
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      await context.close();
      throw error;
    }
    return new Audio(stream, context, { onFrame, onLevel, onMark, onLost });
  }

  constructor(stream, context, { onFrame, onLevel, onMark, onLost }) {
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
    this.stream.getTracks().forEach((track) => track.stop());
    return this.context.close();
  }
}
