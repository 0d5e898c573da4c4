// Turns messages into elements. Text only ever goes in as text; the markup mirrors templates/_chat.html.
const SCHEMES = new Set(["http:", "https:", "tel:", "mailto:"]);
const KINDS = new Set(["tool", "membership", "service", "answer"]);
// As in web/isolation.py: a Latin name in an Arabic line keeps its order also where it breaks in two.
const RIGHT_TO_LEFT = "\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufeff";
const LATIN = "A-Za-z\\u00c0-\\u024f";
const RUN = new RegExp(
  `(\\([^()${RIGHT_TO_LEFT}]*[${LATIN}][^()${RIGHT_TO_LEFT}]*\\)|[${LATIN}](?:[^()${RIGHT_TO_LEFT}]*[${LATIN}0-9])?)`,
);

export class Messages {
  constructor(config, actions) {
    this.config = config;
    this.actions = actions;
    this.texts = config.texts;
  }

  mine(text, language) {
    const bubble = make("div", { className: "bubble", dir: "auto", lang: language }, [
      make("p", { className: "text", textContent: text }),
    ]);
    return make("div", { className: "message mine" }, [this.#who(this.texts.you), bubble]);
  }

  theirs(reply, { person = false } = {}) {
    const { title, lines } = layOut(reply);
    // In danger the numbers come at once; what is to know about them follows.
    const isUrgent = !reply.answer && Boolean(reply.contacts?.length);
    const leading = isUrgent ? lines.splice(0, lines.length > 1 ? 1 : 0) : lines.splice(0);
    const paragraph = (line) => make("p", { className: "text", textContent: line });
    const bubble = make("div", { className: "bubble" }, [
      title && make("p", { className: "title" }, isolate(title)),
      ...leading.map(paragraph),
      reply.machine_translated && this.#own(make("p", { className: "note", textContent: this.texts.machine_translated })),
      this.#contacts(reply),
      ...lines.map(paragraph),
      this.#links(reply),
    ]);
    return make("div", { className: person ? "message theirs person" : "message theirs", ...this.#spoken(reply.language) }, [
      this.#who(person ? this.texts.team : this.texts.assistant),
      bubble,
      this.#tell(reply),
      this.#buttons(reply),
      !person && this.#feedback(reply),
    ]);
  }

  #spoken(language) {
    return { lang: language, dir: this.config.rtl.includes(language) ? "rtl" : "ltr" };
  }

  // Words of the page inside a message of another language carry the page's language.
  #own(element) {
    return Object.assign(element, this.#spoken(this.config.language));
  }

  #who(name) {
    return this.#own(make("p", { className: "who", textContent: name }));
  }

  #contacts({ contacts = [], answer }) {
    const rows = contacts.filter((contact) => isShown(contact.href)).map((contact) => {
      const value = make("bdi", { className: "contact-value", dir: "ltr", textContent: contact.value });
      const link = make("a", { className: "contact", href: contact.href }, [
        icon(contact.kind === "email" ? "mail" : "phone"),
        make("span", { className: "contact-label" }, isolate(contact.label)),
        " ",
        value,
      ]);
      const doubt = answer?.startsWith("service/") && this.#doubt(contact, answer);
      return make("li", { className: "contact-row" }, [link, doubt]);
    });
    return rows.length && this.#list(answer ? "contacts" : "contacts urgent", this.texts.contacts, rows);
  }

  #doubt(contact, entry) {
    const { wrong_number, wrong_address, report_wrong } = this.texts;
    const button = this.#own(
      make("button", { className: "quiet", type: "button", textContent: contact.kind === "phone" ? wrong_number : wrong_address }),
    );
    button.setAttribute("aria-label", report_wrong.replace("{contact}", contact.value));
    button.addEventListener("click", () => this.actions.doubt(entry, contact.kind, button));
    return button;
  }

  #links({ links = [] }) {
    const rows = links.filter((link) => isShown(link.url)).map((link) => {
      const name = make("span", {}, isolate(link.title));
      const anchor = make("a", { className: "out", href: this.#address(link.url), rel: "noopener noreferrer" }, [icon("link"), name]);
      if (this.config.embedded) {
        anchor.target = "_blank";
        name.append(" ", this.#own(make("span", { className: "hidden", textContent: this.texts.new_tab })));
      }
      return make("li", {}, [anchor, link.note && make("p", { className: "note", textContent: link.note })]);
    });
    return rows.length && this.#list("links", this.texts.links, rows);
  }

  // Pages of the hub keep the language that was chosen.
  #address(url) {
    if (!url.startsWith("/") || !this.config.chosen) return url;
    const address = new URL(url, location.origin);
    address.searchParams.set("lang", this.config.language);
    return address.pathname + address.search;
  }

  #buttons({ buttons = [] }) {
    const chips = buttons.map(({ title, payload }) => {
      const button = make("button", { className: "chip", type: "button" }, [make("span", {}, isolate(title))]);
      button.addEventListener("click", () => this.actions.say(payload, title));
      return button;
    });
    if (!chips.length) return null;
    const group = make("div", { className: "chips" }, chips);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", this.texts.suggestions);
    return group;
  }

  // The way to a report. What was written goes along in the body of the request, and is forgotten here.
  #tell({ answer, language, place }) {
    const { report, embedded, city } = this.config;
    if (!report || answer !== "flow/report") return null;
    const field = (name, value) => make("input", { type: "hidden", name, value });
    const words = field("words", "");
    const button = make("button", { className: "primary", name: "action", value: "begin", textContent: this.texts.tell });
    const form = make("form", { className: "tell", method: "post", action: "/report" }, [
      words,
      field("city", city ?? ""),
      field("place", place ?? ""),
      field("lang", language),
      this.#own(button),
    ]);
    if (embedded) Object.assign(form, { target: "_blank", rel: "noopener" });
    form.addEventListener("submit", () => {
      words.value = this.actions.takeWords();
    });
    return form;
  }

  // Whoever has just told of discrimination, or waits for a person, is not asked for a rating.
  #feedback(reply) {
    if (!reply.id || !isEntry(reply.answer)) return null;
    const { helpful, helpful_yes, helpful_no } = this.texts;
    const group = this.#own(make("div", { className: "feedback" }, [make("span", { textContent: helpful })]));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", helpful);
    const thumbs = [["up", helpful_yes, true], ["down", helpful_no, false]].map(([name, label, value]) => {
      const button = make("button", { className: "quiet square", type: "button" }, [icon(name)]);
      button.setAttribute("aria-label", label);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => this.actions.rate(reply.id, value, button, group));
      return button;
    });
    group.append(...thumbs);
    return group;
  }

  #list(name, label, rows) {
    const list = make("ul", { className: name }, rows);
    list.setAttribute("aria-label", label);
    return list;
  }
}

export function make(name, properties = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter(Boolean));
  return element;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(space, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  return svg;
}

// Marks that keep a number in order between right-to-left words (Unicode UAX 9).
const ISOLATES = /[\u2066\u2069]/g;

// Lines become paragraphs. Contacts and notes stand in rows of their own, so the text leaves them out; an entry's first
// line is its title.
function layOut({ text, contacts = [], links = [], answer }) {
  const rows = new Set([...contacts.flatMap(({ label, value }) => [`${label}: ${value}`, `${label}\u00a0: ${value}`]), ...links.map((link) => link.note)]);
  const lines = text.split("\n").filter((line) => line.trim() && !rows.has(line.replace(ISOLATES, "")));
  const title = isEntry(answer) && lines.length > 1 ? lines.shift() : null;
  return { title, lines };
}

function isEntry(answer) {
  return KINDS.has(answer?.split("/")[0]);
}

function isShown(address) {
  try {
    return SCHEMES.has(new URL(address, location.origin).protocol);
  } catch {
    return false;
  }
}

function isolate(text) {
  if (!new RegExp(`[${RIGHT_TO_LEFT}]`).test(text)) return [text];
  // Every second part is a run.
  return text.split(RUN).map((part, place) => (place % 2 ? make("bdi", { className: "latin", dir: "ltr", textContent: part }) : part));
}
