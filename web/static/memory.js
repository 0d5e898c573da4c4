// What the browser remembers. The conversation lives as long as the tab. Only when somebody waits for the answer of a
// person does the conversation's secret name outlive the tab, for as long as the team may answer (a year) and the hub
// keeps that answer (30 days).
const CONVERSATION = "icc-hub.conversation";
const WAITING = "icc-hub.waiting";
const KEEP = 395 * 24 * 3600 * 1000;
const MOST_MESSAGES = 80;

const EMPTY = { sender: null, after: 0, pending: 0, language: null, log: [] };

export class Memory {
  constructor() {
    const waiting = read("localStorage", WAITING);
    const kept = waiting && Date.now() - waiting.since < KEEP ? waiting : null;
    if (waiting && !kept) drop("localStorage", WAITING);
    Object.assign(this, structuredClone(EMPTY), kept, read("sessionStorage", CONVERSATION));
  }

  get isEmpty() {
    return !this.sender;
  }

  // The typed sentence that was answered with the way to a report.
  get words() {
    let [words, typed] = ["", null];
    for (const { mine, reply, isTyped } of this.log) {
      if (mine !== undefined) typed = isTyped ? mine : null;
      else if (typed && reply?.answer === "flow/report") words = typed;
    }
    return words;
  }

  add(message) {
    this.log = [...this.log, message].slice(-MOST_MESSAGES);
  }

  save() {
    const { sender, after, pending, language, log } = this;
    write("sessionStorage", CONVERSATION, { sender, after, pending, language, log });
    if (pending > 0) write("localStorage", WAITING, { sender, after, pending, since: Date.now() });
    else drop("localStorage", WAITING);
  }

  forget() {
    drop("sessionStorage", CONVERSATION);
    drop("localStorage", WAITING);
    Object.assign(this, structuredClone(EMPTY));
  }
}

// A frame may be refused any storage; then the page simply remembers nothing.
function read(area, key) {
  try {
    return JSON.parse(window[area].getItem(key));
  } catch {
    return null;
  }
}

function write(area, key, value) {
  try {
    window[area].setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused.
  }
}

function drop(area, key) {
  try {
    window[area].removeItem(key);
  } catch {
    // Refused.
  }
}
