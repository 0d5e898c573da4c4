// The composer while one types, and a message while it goes out. Pages work without this: the same forms and links do
// the same with a press.

const form = document.querySelector("form[data-live]");
if (form) {
  const buttons = [...form.querySelectorAll("button[data-preview]")];
  let waiting = 0;
  const note = document.getElementById("live");
  if (note) note.hidden = false;
  form.addEventListener("input", (event) => {
    if (!["subject", "body"].includes(event.target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      // One after the other: a form that is sent twice at once is sent the second time only.
      buttons.forEach((button, place) => setTimeout(() => form.requestSubmit(button), place * 150));
    }, 600);
  });
}

const progress = document.querySelector("[data-progress][data-live]");
if (progress) {
  const note = document.getElementById("live");
  if (note) note.hidden = false;
  const bar = document.getElementById("bar");
  const words = document.getElementById("bar-words");
  const look = async () => {
    let wait = 2000;
    try {
      const answer = await fetch(progress.dataset.progress, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      bar.max = now.total || 1;
      bar.value = now.over;
      if (words.textContent !== now.bar) words.textContent = now.bar;
      document.getElementById("state").textContent = now.status_words;
      for (const count of progress.querySelectorAll("[data-count]")) {
        count.textContent = now.deliveries[count.dataset.count] ?? now[count.dataset.count];
      }
      if (now.finished) {
        location.reload();
        return;
      }
    } catch {
      wait = 10000;
    }
    setTimeout(look, wait);
  };
  setTimeout(look, 1000);
}
