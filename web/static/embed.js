// The chat on a city's own site, in one line:
//   <script src="https://hub/embed.js" data-city="Reggio Emilia" data-lang="it" defer></script>
// A button opens a frame. Everything lives in a shadow root, so neither site's styles touch the other.
(() => {
  const words = "WORDS";
  const script = document.currentScript;
  const hub = new URL(script.src).origin;
  const stated = script.dataset.lang || document.documentElement.lang || navigator.language || "en";
  const language = stated.toLowerCase().split("-")[0];
  const text = words[language] || words.en;

  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; }
    .open { position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; z-index: 2147483000; display: flex; align-items: center;
      gap: .5rem; min-block-size: 3.25rem; padding: .5rem 1.25rem; background: #1f3a8a; border: 2px solid #fff; border-radius: 2rem;
      color: #fff; font: 600 1rem/1.25 system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 18px rgb(0 0 0 / 30%); }
    .open:hover { background: #2c4aa5; }
    .open:focus-visible { outline: 3px solid #b4540a; outline-offset: 3px; }
    .open svg { inline-size: 1.5rem; block-size: 1.5rem; flex: none; }
    .panel { position: fixed; inset-block-end: 5.25rem; inset-inline-end: 1rem; z-index: 2147483000; inline-size: min(26rem, calc(100vw - 2rem));
      block-size: min(42rem, calc(100vh - 6.5rem)); overflow: hidden; background: #fff; border: 1px solid #7d8598; border-radius: 1rem;
      box-shadow: 0 8px 40px rgb(0 0 0 / 30%); }
    .panel[hidden] { display: none; }
    iframe { display: block; inline-size: 100%; block-size: 100%; border: 0; }
    @media (max-width: 30rem) { .panel { inset: 0; inline-size: auto; block-size: auto; border: 0; border-radius: 0; } }
  `);

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [style];
  const button = document.createElement("button");
  const panel = document.createElement("div");
  const space = "http://www.w3.org/2000/svg";
  const mark = document.createElementNS(space, "svg");
  const circles = [[9, 9, "#fff"], [15, 9, "#f2b632"], [12, 15, "#fff"]];
  let frame = null;

  host.lang = text === words.en ? "en" : language;
  mark.setAttribute("viewBox", "0 0 24 24");
  mark.setAttribute("aria-hidden", "true");
  for (const [x, y, colour] of circles) {
    const circle = document.createElementNS(space, "circle");
    const values = { cx: x, cy: y, r: 6, fill: "none", stroke: colour, "stroke-width": 2.4 };
    for (const [name, value] of Object.entries(values)) circle.setAttribute(name, value);
    mark.append(circle);
  }
  button.type = "button";
  button.className = "open";
  button.dir = text.dir;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "panel");
  button.append(mark, text.open);
  panel.id = "panel";
  panel.className = "panel";
  panel.hidden = true;
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", text.frame);
  root.append(button, panel);
  document.body.append(host);

  function enter() {
    frame.focus();
    frame.contentWindow.postMessage("icc-hub:open", hub);
  }

  function open() {
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    if (frame) {
      enter();
      return;
    }
    frame = document.createElement("iframe");
    frame.title = text.frame;
    frame.src = `${hub}/embed?${new URLSearchParams({ site_lang: language, city: script.dataset.city || "" })}`;
    frame.addEventListener("load", () => panel.hidden || enter());
    panel.append(frame);
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  button.addEventListener("click", () => (panel.hidden ? open() : close()));
  root.addEventListener("keydown", (event) => event.key === "Escape" && close());
  window.addEventListener("message", (event) => {
    if (frame && event.source === frame.contentWindow && event.origin === hub && event.data === "icc-hub:close") close();
  });
})();
