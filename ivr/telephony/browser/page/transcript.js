// The live transcript as a list. Texts are set as text content only, never as HTML.

export class Transcript {
  constructor(list) {
    this.list = list;
    this.lines = [];
  }

  clear() {
    this.lines = [];
    this.list.replaceChildren();
  }

  add(line, words) {
    this.lines.push(line);
    this.list.append(item(line, words));
    this.list.scrollTop = this.list.scrollHeight;
  }

  translate(words) {
    this.list.replaceChildren(...this.lines.map((line) => item(line, words)));
  }
}

function item({ who, text, detail }, words) {
  const said = element("p", text);
  const speaker = element("span", words[who]);
  speaker.className = "who";
  const row = element("li");
  row.className = who;
  row.append(speaker, said);
  const notes = remarks(detail, words);
  if (notes) {
    const note = element("p", notes);
    note.className = "note";
    row.append(note);
  }
  return row;
}

function remarks({ understood, confidence, by }, words) {
  return [
    by === "key" && words.key,
    understood !== undefined && understood !== null && words.understood(understood),
    typeof confidence === "number" && by !== "key" && words.confidence(confidence),
  ]
    .filter(Boolean)
    .join(" · ");
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
