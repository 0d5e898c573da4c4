// The chat: sends messages, shows answers, looks for the answers of people. Works on the page and in the frame.
import { Api, Failure } from "./api.js";
import { Memory } from "./memory.js";
import { Messages } from "./messages.js";

const NEAR_THE_END = 200; // Characters left from which they are counted.
const SAID_ALOUD = new Set([200, 100, 50, 20, 10, 0]); // Counts that a screen reader hears.
const FORGET = "/flow/forget"; // A button's payload; the same without the slash answers a yes to it.
const TYPING_AFTER = 350; // Milliseconds; a quick answer needs no "is writing".

const config = JSON.parse(document.getElementById("config").textContent);
config.embedded = document.body.classList.contains("embedded");
const { texts } = config;
const part = (id) => document.getElementById(id);
const [log, composer, input, status] = ["log", "composer", "input", "status"].map(part);
const still = matchMedia("(prefers-reduced-motion: reduce)");

const api = new Api(config);
const memory = new Memory();
const messages = new Messages(config, { say, rate, doubt, takeWords });
const opening = log.querySelector(".opening");

let turns = Promise.resolve(); // One message at a time, in order.
let polling = null;

// A choice on the page, or in the conversation itself ("answer in French").
if (config.chosen) memory.language = config.language;

function say(message, shown = message, { typed = false } = {}) {
  if (message === FORGET) return part("forget").click();
  turns = turns.then(() => take(message, shown, typed)).catch(console.error);
  return turns;
}

async function take(message, shown, typed) {
  hideError();
  const mine = messages.mine(shown, memory.language ?? config.language);
  log.append(mine);
  bringIntoView(mine);
  const typing = setTimeout(() => showTyping(true), TYPING_AFTER);
  try {
    const answer = await api.chat({ sender: memory.sender, message, language: memory.language });
    mine.querySelector(".bubble").lang = answer.language;
    memory.add({ mine: shown, language: answer.language, isTyped: typed });
    accept(answer);
    bringIntoView(mine);
  } catch (failure) {
    mine.remove();
    if (!(failure instanceof Failure)) throw failure;
    if (failure.field) memory.sender = null;
    if (typed && !input.value) input.value = message;
    count();
    showError(failure, () => {
      if (input.value === message) input.value = "";
      count();
      say(message, shown, { typed });
    });
  } finally {
    clearTimeout(typing);
    showTyping(false);
  }
}

function accept(answer) {
  if (answer.replies.some((reply) => `/${reply.answer}` === FORGET)) return forget();
  memory.sender = answer.sender;
  // The hub speaks another language than the chosen one only when the person asked for that in the conversation.
  if (memory.language && config.released.includes(answer.language)) memory.language = answer.language;
  if (answer.passed_on) memory.pending += 1;
  for (const reply of answer.replies) {
    log.append(messages.theirs(reply));
    memory.add({ reply });
  }
  memory.save();
  offerPageIn(answer.language);
  refresh();
}

// Answers of people.
async function lookForReplies() {
  if (!memory.sender || document.hidden) return;
  const late = await api.replies(memory.sender, memory.after).catch(() => null);
  if (!late?.replies.length) return;
  for (const reply of late.replies) {
    const message = messages.theirs(reply, { person: true });
    log.append(message);
    memory.add({ reply, person: true });
    bringIntoView(message);
  }
  memory.after = late.after;
  memory.pending = Math.max(0, memory.pending - late.replies.length);
  memory.save();
  announce(texts.late);
  refresh();
}

function refresh() {
  part("forget").hidden = memory.isEmpty;
  part("waiting").hidden = memory.pending === 0;
  if (memory.pending > 0) polling ??= setInterval(lookForReplies, config.poll * 1000);
  else polling = clearInterval(polling) ?? null;
}

async function rate(reply, helpful, button, group) {
  const thumbs = [...group.querySelectorAll("button")];
  const before = thumbs.map((thumb) => thumb.getAttribute("aria-pressed"));
  thumbs.forEach((thumb) => thumb.setAttribute("aria-pressed", String(thumb === button)));
  try {
    await api.feedback(memory.sender, reply, helpful);
    group.querySelector("span").textContent = texts.helpful_thanks;
    announce(texts.helpful_thanks);
  } catch (failure) {
    thumbs.forEach((thumb, place) => thumb.setAttribute("aria-pressed", before[place]));
    announce(failure.message);
    group.querySelector("span").textContent = texts.error_small;
  }
}

async function doubt(entry, kind, button) {
  button.disabled = true;
  const note = Object.assign(document.createElement("span"), { className: "note", tabIndex: -1 });
  note.lang = config.language;
  try {
    await api.doubtContact(entry, kind);
    note.textContent = texts.wrong_thanks;
    button.replaceWith(note);
    note.focus();
  } catch {
    button.disabled = false;
    button.focus();
    announce(texts.error_small);
  }
}

// Once they are the first words of a report, they are in this browser no longer than the press takes.
function takeWords() {
  const { words } = memory;
  memory.log = [];
  memory.save();
  setTimeout(clear);
  return words;
}

function clear() {
  while (log.lastElementChild !== opening) log.lastElementChild.remove();
}

// Here and at the hub; what it cannot be told goes there within the hour.
function forgetEverywhere() {
  const { sender } = memory;
  forget();
  if (sender) turns = turns.then(() => api.chat({ sender, message: FORGET })).catch(() => {});
}

function forget() {
  memory.forget();
  if (config.chosen) memory.language = config.language;
  clear();
  composer.elements.sender.value = "";
  hideError();
  refresh();
  announce(texts.forgotten);
  input.focus();
}

// Small things on the page.
function showTyping(shown) {
  part("typing").hidden = !shown;
  status.textContent = shown ? part("typing").textContent.trim() : "";
}

function announce(text) {
  status.textContent = text;
}

function showError(failure, retry) {
  part("error-text").textContent = failure.message;
  part("error").hidden = false;
  const button = part("retry");
  button.hidden = false;
  button.disabled = failure.retryAfter > 0;
  setTimeout(() => (button.disabled = false), failure.retryAfter * 1000);
  button.onclick = retry;
  part("error").scrollIntoView({ block: "nearest" });
}

function hideError() {
  if (part("error").contains(document.activeElement)) input.focus();
  part("error").hidden = true;
}

function bringIntoView(element) {
  element.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
}

function offerPageIn(language) {
  const offer = part("switch");
  const text = language === config.language ? null : config.switch[language];
  offer.hidden = !text;
  if (!text) return;
  const address = new URL(location.href);
  address.searchParams.set("lang", language);
  const direction = config.rtl.includes(language) ? "rtl" : "ltr";
  Object.assign(offer.firstElementChild, { textContent: text, href: address.href, lang: language, hreflang: language, dir: direction });
}

function count() {
  const left = input.maxLength - input.value.length;
  const text = texts.left.replace("{count}", String(left));
  part("left").hidden = left > NEAR_THE_END;
  part("left").textContent = text;
  input.dir = input.value ? "auto" : document.documentElement.dir;
  if (SAID_ALOUD.has(left)) announce(text);
  if (!CSS.supports("field-sizing", "content")) {
    input.style.blockSize = "auto";
    input.style.blockSize = `${input.scrollHeight}px`;
  }
}

function send() {
  const text = input.value.trim();
  if (!text) return;
  input.value = "";
  count();
  say(text, text, { typed: true });
  input.focus({ preventScroll: true });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

input.addEventListener("keydown", (event) => {
  // While a word is being composed (Japanese, Arabic keyboards), Enter belongs to the keyboard.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});

input.addEventListener("input", count);

// Choices that the server wrote are small forms; with this script they do not leave the page.
log.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches(".tell")) return;
  event.preventDefault();
  if (form.matches(".say")) say(form.elements.message.value, form.elements.said.value);
  if (form.matches(".doubt")) doubt(form.dataset.entry, form.elements.field.value, form.querySelector("button"));
});

part("forget").addEventListener("click", () => {
  if (memory.pending > 0) part("forget-dialog").showModal();
  else forgetEverywhere();
});
part("forget-dialog").addEventListener("close", (event) => {
  if (event.target.returnValue === "forget") forgetEverywhere();
  event.target.returnValue = "";
});

document.addEventListener("visibilitychange", () => {
  if (memory.pending > 0) lookForReplies();
});

// In a frame, the site around it opens and closes the chat.
if (config.embedded && window.parent !== window) {
  const close = () => window.parent.postMessage("icc-hub:close", "*");
  part("close").hidden = false;
  part("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !part("forget-dialog").open) close();
  });
  window.addEventListener("message", (event) => {
    if (event.source === window.parent && event.data === "icc-hub:open") input.focus({ preventScroll: true });
  });
}

// Go on where the tab was left.
if (composer.elements.sender.value) memory.sender = composer.elements.sender.value;
for (const { mine, reply, language, person } of memory.log) {
  log.append(reply ? messages.theirs(reply, { person }) : messages.mine(mine, language));
}
if (memory.log.length) log.lastElementChild.scrollIntoView({ block: "nearest" });
part("keys").hidden = false;
count();
refresh();
lookForReplies();

const ask = part("ask")?.querySelector("form");
if (ask) {
  const address = new URL(location.href);
  address.searchParams.delete("ask");
  history.replaceState(null, "", address);
  say(ask.elements.message.value, ask.elements.said.value);
  part("ask").remove();
}
