// The storefront's script: tells t.js what the shopper answered and what they look at. Pages are whole without it.
"use strict";
(() => {
  const answer = document.documentElement.dataset.consent;
  if (!window.fairday) return;
  if (answer) fairday.consent(answer === "yes");
  for (const seen of document.querySelectorAll("[data-track]")) {
    fairday.track(seen.dataset.track, JSON.parse(seen.dataset.properties));
  }
})();
