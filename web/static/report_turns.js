// Turns of the report without a new page: a press is sent by the script, and the page that comes back takes the place of
// this one. What is won: the browser's history never holds what was written, "Back" goes to the question before, and
// without a connection nothing typed is lost.
//
// The tab's history has two entries for a report: one below and one on top. "Back" leads to the one below; then the
// question before is shown and the top is made anew. Both carry the key of the unfinished report while it lasts, so that
// a page that the phone threw away (as it does when somebody takes a photo) finds its report again.
const PATIENCE = 60000; // Milliseconds for an answer to a press without files.

let hooks;
let busy = false;
let expected = null; // Told when a step in the history that this script takes itself has arrived.
let first = null; // The page on which the report began, to go back to.

// A form's own "action" is hidden by the buttons of that name.
const addressOf = (form) => new URL(form.getAttribute("action"), location.origin);
const step = () => document.getElementById("step");
const key = () => (step() && !step().hasAttribute("data-at-rest") ? step().elements.key?.value : undefined);

export function startTurns(given) {
  hooks = given;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // What is saved as a file is the browser's own matter; this page stays.
    if (form.method !== "post" || "saves" in form.dataset) return;
    event.preventDefault();
    if (!busy && hooks.mayGo(form, event.submitter)) press(form, event.submitter);
  });
  addEventListener("popstate", back);
  const kept = history.state?.key;
  if (key()) remember();
  else if (kept) find(kept);
}

async function press(form, button, { isBack = false } = {}) {
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  const hasFiles = form.enctype === "multipart/form-data";
  const address = addressOf(form).pathname;
  if (!key() && address === "/report") first = { body: document.body.cloneNode(true), title: document.title };
  const page = await ask(address, hasFiles ? data : new URLSearchParams(data), { hasFiles });
  if (!page) return;
  show(page);
  await settle({ isBack });
}

// The page for a press, or null when it could not be had; then this one stays as it is.
async function ask(address, body, { hasFiles = false } = {}) {
  busy = true;
  step()?.setAttribute("aria-busy", "true");
  const waiting = setTimeout(() => tell("waiting"), 800);
  const patience = new AbortController();
  const end = hasFiles ? null : setTimeout(() => patience.abort(), PATIENCE);
  try {
    const options = { method: "POST", body, credentials: "omit", cache: "no-store", signal: patience.signal };
    const response = await fetch(address, options);
    if (!response.headers.get("content-type")?.startsWith("text/html")) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    page.isGone = response.status === 410;
    tell(null);
    return page;
  } catch {
    tell("trouble");
    return null;
  } finally {
    clearTimeout(waiting);
    clearTimeout(end);
    step()?.removeAttribute("aria-busy");
    busy = false;
  }
}

// Sentences that stand hidden on every page.
function tell(name) {
  document.getElementById("waiting").textContent = name === "waiting" ? document.getElementById("waiting").dataset.text : "";
  const trouble = document.getElementById("trouble");
  trouble.hidden = name !== "trouble";
  if (name === "trouble") trouble.focus();
}

function show({ title, body, documentElement: { lang, dir } }) {
  document.title = title;
  Object.assign(document.documentElement, { lang, dir });
  document.body.replaceWith(document.adoptNode(body));
  hooks.prepare();
  scrollTo({ top: 0, behavior: "instant" });
  const heading = document.querySelector("h1");
  heading.tabIndex = -1;
  (document.querySelector("[data-problem]") ?? heading).focus({ preventScroll: true });
}

// The history after a page was shown.
async function settle({ isBack }) {
  if (!key()) {
    await forgetHere();
  } else if (isBack || !history.state?.isTop) {
    history.replaceState({ key: key() }, "");
    history.pushState({ key: key(), isTop: true }, "");
  }
}

function remember() {
  history.replaceState({ ...history.state, key: key() }, "");
}

// Both entries forget the key, and the one below is the present one.
export async function forgetHere() {
  const isTop = history.state?.isTop;
  history.replaceState(null, "");
  if (!isTop) return;
  const arrived = new Promise((resolve) => (expected = resolve));
  history.back();
  await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 500))]);
  history.replaceState(null, "");
}

function back(event) {
  if (expected) {
    expected();
    expected = null;
    return;
  }
  if (event.state?.isTop || !key()) return;
  const button = step().querySelector("[data-back]");
  if (busy) history.pushState({ key: key(), isTop: true }, "");
  else if (button) press(step(), button, { isBack: true }).then(() => history.state?.isTop || hold());
  else if (first) begin();
  else history.back();
}

// Without a connection the question stays, and so does the entry on top of it.
function hold() {
  if (key()) history.pushState({ key: key(), isTop: true }, "");
}

// Back to the page before the first question. Its key is the same, so beginning again goes on.
function begin() {
  const page = first;
  // Adding an entry drops the one on top, with its key.
  history.replaceState(null, "");
  history.pushState(null, "");
  expected = () => {};
  history.back();
  const { lang, dir } = document.documentElement;
  show({ ...page, documentElement: { lang, dir } });
}

// The report that this tab had open before the page was thrown away or loaded again.
async function find(kept) {
  const page = await ask("/report", new URLSearchParams({ key: kept }));
  if (page?.isGone) history.replaceState(null, "");
  else if (page) show(page);
}
