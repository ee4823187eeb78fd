// One call over the phone's socket, protocol version 1 (docs/browser-phone.md). Must not know: audio hardware, the page.

export class Line {
  constructor(url, wanted, handlers) {
    this.handlers = handlers;
    this.over = false;
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.send({ type: "call", version: 1, rate: 8000, ...wanted });
    this.socket.onmessage = ({ data }) => this.over || (typeof data === "string" ? this.handle(JSON.parse(data)) : handlers.audio(data));
    this.socket.onclose = () => this.end({ by: "network", cause: "media_lost" });
  }

  handle(message) {
    const { handlers } = this;
    switch (message.type) {
      case "answered": return handlers.answered(message.call);
      case "mark": return handlers.mark(message.name);
      case "clear": return handlers.clear();
      case "transcript": return handlers.transcript(message);
      case "ended": return this.end(message);
      case "error": return this.end({ by: "network", cause: "protocol", reason: message.reason });
      default: return undefined;
    }
  }

  // Ends the call; `trouble` names the fault on this side, if any.
  end(how, trouble) {
    if (this.over) return;
    this.over = true;
    this.socket.close();
    this.handlers.ended(how, trouble);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  speak(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  press(digit) {
    this.send({ type: "key", digit });
  }

  reached(name) {
    this.send({ type: "mark", name });
  }

  hangUp() {
    if (this.socket.readyState === WebSocket.OPEN) this.send({ type: "hangup" });
    else this.end({ by: "caller", cause: "normal" });
  }
}
