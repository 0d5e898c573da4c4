// Saves each change of the forms marked data-save by sending the form that a button would send, and puts the parts of
// the answer that are marked data-live in the place of the old ones. Without this the buttons do the same.
const PAUSE = 400;

document.documentElement.classList.add("scripted");

for (const field of document.querySelectorAll("[data-time-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

let last = Promise.resolve();
const timers = new WeakMap();

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-save]");
  if (!form) return;
  clearTimeout(timers.get(form));
  // Arrow keys pass over other choices on the way to the one that is meant.
  timers.set(form, setTimeout(() => { last = last.then(() => save(form)); }, PAUSE));
});

async function save(form) {
  const both = [...form.querySelectorAll("[data-both]")].filter((field) => field.value);
  if (both.length === 1) return;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("said")) location.assign(form.action.replace(/\/[^/]*$/, ""));
    else show(page);
  } catch {
    const said = document.getElementById("said");
    const line = document.createElement("p");
    line.className = "error";
    line.textContent = said.dataset.offline;
    said.replaceChildren(line);
  }
}

function show(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    // What somebody is using stays as it is.
    if (fresh && !part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
  }
  const form = document.getElementById("choice-title")?.closest("form");
  const freshForm = page.getElementById("choice-title")?.closest("form");
  if (form && freshForm) form.toggleAttribute("data-save", freshForm.hasAttribute("data-save"));
}
