// What the report pages gain from a script: leaving quickly, turns without a new page, files checked before they are
// sent, copying and printing. Everything works without it. Nothing is stored, no other site is asked for anything.
import { forgetHere, startTurns } from "./report_turns.js";

const ESCAPES = 3; // Presses that leave the page,
const WITHIN = 5000; // in so many milliseconds.

// Leaving quickly. What the browser keeps for this site goes first, and the other page takes the place of this one, so
// that "Back" does not lead here.
async function leave() {
  const { href } = document.querySelector("[data-leave]");
  document.body.hidden = true;
  for (const area of ["sessionStorage", "localStorage"]) {
    try {
      window[area].clear();
    } catch {
      // Refused, so there is nothing.
    }
  }
  await forgetHere();
  location.replace(href);
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-leave], [data-print], [data-copy], a[href^='#']");
  if (!pressed) return;
  if (pressed.hash && !pressed.matches("[data-leave]")) {
    // The address stays as it is, and the history has no entry for it.
    event.preventDefault();
    const place = document.querySelector(pressed.hash);
    if (!place.matches("input, textarea")) place.tabIndex = -1;
    place.focus();
  } else if (pressed.matches("[data-leave]")) {
    event.preventDefault();
    leave();
  } else if (pressed.matches("[data-print]")) print();
  else copy(pressed);
});

let escapes = [];
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") {
    escapes = [];
    return;
  }
  if (event.repeat) return;
  const now = Date.now();
  escapes = [...escapes.filter((moment) => now - moment < WITHIN), now];
  const { one, two } = document.getElementById("leave-count").dataset;
  if (escapes.length >= ESCAPES) leave();
  else document.getElementById("leave-count").textContent = escapes.length === ESCAPES - 1 ? one : two;
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.dataset.copyText ?? source.textContent);
    button.closest(".chips").parentElement.querySelector("[data-copy-status]").textContent = button.dataset.done;
  } catch {
    getSelection().selectAllChildren(source);
  }
}

// Files that are too large are said before they are sent.
function checkFiles(field) {
  const { each, together, tooLarge, togetherTooLarge } = field.dataset;
  const problem = document.getElementById("files-problem");
  let sum = 0;
  let said = "";
  for (const { name, size } of field.files) {
    sum += size;
    if (size > Number(each)) said ||= tooLarge.replace("{name}", name);
    else if (sum > Number(together)) said ||= togetherTooLarge.replace("{name}", name);
  }
  problem.textContent = said;
  problem.hidden = !said;
  if (said) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return !said;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("#files")) checkFiles(event.target);
});

// Whoever goes back or deletes everything is not held up by a file.
const TAKES_FILES = new Set(["answer", "next", "add"]);

function mayGo(form, button) {
  const field = form.querySelector("#files");
  if (!field || !TAKES_FILES.has(button?.value) || checkFiles(field)) return true;
  field.focus();
  return false;
}

// After each page, also the first one.
function prepare() {
  for (const group of document.querySelectorAll(".by-script")) group.hidden = false;
  if (!navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = true;
}

prepare();
startTurns({ mayGo, prepare });
document.querySelector("[data-problem]")?.focus();
