// The page's controller: connects the call, the audio and the display. States: idle → calling → talking → ended.

import { Audio } from "./audio.js";
import { Line } from "./line.js";
import { Transcript } from "./transcript.js";
import { WORDS, ending } from "./words.js";

const KEYS = [..."123456789*0#"];
const at = (id) => document.getElementById(id);
const transcript = new Transcript(at("transcript"));

let interfaceLanguage = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en-US");
let flows = [];
let state = { name: "idle" };
let problem = null;
let suspended = false;
let audio = null;
let line = null;
let answeredAt = 0;

const words = () => WORDS[interfaceLanguage];

function show() {
  document.body.dataset.state = state.name;
  at("status").textContent = state.name === "ended" ? words().ended[state.how] : words().states[state.name];
  const trouble = problem ?? (suspended ? "suspended" : null);
  at("problem").hidden = !trouble;
  at("problem").textContent = trouble ? words().problems[trouble] : "";
  const busy = state.name === "calling" || state.name === "talking";
  at("call").hidden = busy;
  at("hangup").hidden = !busy;
  at("call").disabled = flows.length === 0;
  for (const choice of [at("flow"), at("language")]) choice.disabled = busy;
  for (const key of at("keypad").children) key.disabled = state.name !== "talking";
  at("clock").hidden = answeredAt === 0;
}

function move(next, trouble = null) {
  state = next;
  problem = trouble;
  show();
}

function translate() {
  document.documentElement.lang = interfaceLanguage;
  document.title = words().title;
  for (const spoken of document.querySelectorAll("[data-word]")) spoken.textContent = words()[spoken.dataset.word];
  for (const named of document.querySelectorAll("[data-label]")) named.setAttribute("aria-label", words()[named.dataset.label]);
  at("switch").textContent = words().switch;
  at("switch").lang = interfaceLanguage === "zh-CN" ? "en" : "zh-CN";
  transcript.translate(words());
  offerFlows();
  show();
}

function offer(select, choices) {
  const before = select.value;
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
  if (choices.some(([value]) => value === before)) select.value = before;
}

function offerFlows() {
  offer(at("flow"), flows.map(({ name, title }) => [name, title[interfaceLanguage] ?? name]));
  offerLanguages();
}

function offerLanguages() {
  const chosen = flows.find(({ name }) => name === at("flow").value);
  offer(at("language"), (chosen?.languages ?? []).map((tag) => [tag, words().languages[tag] ?? tag]));
}

async function call() {
  transcript.clear();
  answeredAt = 0;
  const attempt = { name: "calling" };
  move(attempt);
  if (!window.isSecureContext) return move({ name: "idle" }, "insecure");
  const opened = await openAudio().catch((error) => error);
  if (state !== attempt) return opened.close?.();
  if (opened instanceof Error) return move({ name: "idle" }, opened.name in words().problems ? opened.name : "unknown");
  audio = opened;
  setVolume();
  await audio.running();
  if (state !== attempt) return;
  const url = new URL("/phone/socket", location);
  url.protocol = url.protocol.replace("http", "ws");
  line = new Line(url, { flow: at("flow").value, language: at("language").value }, {
    answered: () => {
      answeredAt = Date.now();
      move({ name: "talking" });
      tick();
    },
    audio: (pcm) => audio.play(pcm),
    mark: (name) => audio.mark(name),
    clear: () => audio.clear(),
    transcript: (said) => transcript.add(said, words()),
    ended: (how, trouble = null) =>
      stop(how, state.name === "calling" && how.cause === "media_lost" ? "NetworkError" : trouble),
  });
}

function openAudio() {
  return Audio.open({
    onFrame: (frame) => state.name === "talking" && line.speak(frame),
    onLevel: level,
    onMark: (name) => line?.reached(name),
    onSuspended: (now) => {
      suspended = now;
      show();
    },
    onLost: () => line?.end({ by: "network", cause: "media_lost" }, "microphone_lost"),
  });
}

function hangUp() {
  if (line) return line.hangUp();
  release();
  move({ name: "idle" });
}

function stop(how, trouble) {
  release();
  move(trouble === "NetworkError" ? { name: "idle" } : { name: "ended", how: ending(how) }, trouble);
}

function release() {
  audio?.close();
  audio = null;
  line = null;
  suspended = false;
  for (const meter of [at("microphone"), at("speaker")]) meter.value = 0;
}

function press(digit) {
  if (state.name !== "talking") return;
  line.press(digit);
  const key = at("keypad").children[KEYS.indexOf(digit)];
  key.classList.add("pressed");
  setTimeout(() => key.classList.remove("pressed"), 150);
}

function level(side, peak) {
  const meter = at(side);
  const shown = peak > 0.001 ? 1 + Math.log10(peak) / 3 : 0; // 60 dB range
  meter.value = Math.max(shown, meter.value - 0.04);
  if (side === "speaker" && audio) meter.dataset.playedMs = audio.played / 8;
}

function setVolume() {
  audio?.setVolume((at("volume").value / 80) ** 2);
}

function tick() {
  if (state.name !== "talking") return;
  const seconds = Math.floor((Date.now() - answeredAt) / 1000);
  at("clock").textContent = [seconds / 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
  setTimeout(tick, 1000);
}

function makeKeypad() {
  const keys = KEYS.map((digit) => {
    const key = document.createElement("button");
    key.type = "button";
    key.textContent = digit;
    key.addEventListener("click", () => press(digit));
    return key;
  });
  at("keypad").append(...keys);
}

function forgetToken() {
  const address = new URL(location);
  if (!address.searchParams.has("token")) return;
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

makeKeypad();
forgetToken();
at("call").addEventListener("click", call);
at("hangup").addEventListener("click", hangUp);
at("flow").addEventListener("change", offerLanguages);
at("volume").addEventListener("input", setVolume);
at("switch").addEventListener("click", () => {
  interfaceLanguage = interfaceLanguage === "zh-CN" ? "en-US" : "zh-CN";
  localStorage.setItem("language", interfaceLanguage);
  translate();
});
document.addEventListener("keydown", (event) => {
  if (KEYS.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat) press(event.key);
});
window.addEventListener("pagehide", hangUp);
translate();

try {
  flows = (await (await fetch("/phone/flows")).json()).flows;
  translate();
} catch {
  move(state, "NetworkError");
}
