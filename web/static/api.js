// The hub's API as the chat needs it. Every failure becomes a Failure with a sentence for the person.
const PATIENCE = 30_000; // Milliseconds after which an answer counts as lost.

export class Failure extends Error {
  constructor(text, { retryAfter = 0, field = false } = {}) {
    super(text);
    this.retryAfter = retryAfter;
    this.field = field;
  }
}

export class Api {
  constructor(config) {
    this.config = config;
  }

  // `language` only once the person chose one; the page's own language is what the client states.
  chat({ sender, message, language }) {
    return this.#post("/api/chat", { sender, message, language, city: this.config.city });
  }

  replies(sender, after) {
    return this.#ask(`/api/chat/replies?${new URLSearchParams({ sender, after })}`, {});
  }

  feedback(sender, reply, helpful) {
    return this.#post("/api/feedback", { sender, reply, helpful });
  }

  doubtContact(entry, field) {
    return this.#post("/api/contact-doubts", { entry, field });
  }

  #post(path, body) {
    return this.#ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  async #ask(path, options) {
    const { texts, language } = this.config;
    let response;
    try {
      const headers = { ...options.headers, "Accept-Language": language };
      response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout?.(PATIENCE) });
    } catch (error) {
      throw new Failure(error.name === "TimeoutError" ? texts.error_slow : texts.error_offline);
    }
    if (response.status === 204) return null;
    const body = await response.json().catch(() => null);
    if (response.ok && body) return body;
    throw new Failure(body?.detail && response.status < 500 ? body.detail : texts.error_server, {
      retryAfter: Number(response.headers.get("Retry-After")) || 0,
      field: body?.code === "field_wrong",
    });
  }
}
