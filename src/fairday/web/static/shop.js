// The storefront's script: tells t.js what the shopper answered and looks at, brings the next goods as one scrolls,
// completes what is typed. Every page is whole without it.
"use strict";
(() => {
  const answer = document.documentElement.dataset.consent;
  if (window.fairday) {
    if (answer) fairday.consent(answer === "yes");
    for (const seen of document.querySelectorAll("[data-track]")) {
      fairday.track(seen.dataset.track, JSON.parse(seen.dataset.properties));
    }
  }

  // The next goods, before one has come to the end.
  const watcher = "IntersectionObserver" in window && new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) further(one.target);
  }, { rootMargin: "900px" });
  async function further(more) {
    watcher.unobserve(more);
    const link = more.querySelector("a");
    try {
      const answer = await fetch(link.href + (link.search ? "&" : "?") + "part=1");
      if (!answer.ok) return; // the link stays, and works
      more.insertAdjacentHTML("afterend", await answer.text());
      const next = more.parentElement.querySelectorAll("[data-more]");
      more.remove();
      for (const one of next) if (one !== more) watcher.observe(one);
    } catch { /* offline: the link stays */ }
  }
  if (watcher) document.querySelectorAll("[data-more]").forEach((more) => watcher.observe(more));

  // What is typed may become…
  const typed = document.querySelector(".find input"), words = document.getElementById("words");
  let timer = 0;
  typed.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (!typed.value.trim()) return;
      const answer = await fetch("/search/suggest?q=" + encodeURIComponent(typed.value));
      if (!answer.ok) return;
      words.replaceChildren(...(await answer.json()).map((word) => {
        const option = document.createElement("option");
        option.value = word;
        return option;
      }));
    }, 180);
  });
  for (const field of document.querySelectorAll("[data-send]")) field.addEventListener("change", () => field.form.submit());
  const sieve = document.querySelector(".sieve");
  if (sieve && matchMedia("(min-width: 720px)").matches) sieve.open = true;

  // Pass a link on: by the phone's own sheet where it has one, else into the clipboard.
  for (const button of document.querySelectorAll("[data-share]")) {
    if (!navigator.share && !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        if (navigator.share) await navigator.share({ text: button.dataset.said, url: button.dataset.share });
        else {
          await navigator.clipboard.writeText(button.dataset.said + " " + button.dataset.share);
          button.textContent = button.dataset.copied;
        }
      } catch { /* they changed their mind */ }
    });
  }
})();
