// Fairday in a page: <script async src="https://SHOP/t.js" data-key="WRITE_KEY"></script>
// See docs/developers/collect.md.
(() => {
  "use strict";
  const tag = document.currentScript;
  const key = tag && tag.dataset.key;
  const early = window.fairday;
  if (early && early.track) return; // the script stands in the page twice
  const door = tag ? new URL("/v1/b", tag.src).href : "";
  const asks = tag && tag.dataset.consent === "required";
  const autoPage = !tag || tag.dataset.page !== "off";
  const YEAR = 31536000, MOST = 100, BATCH = 20;
  // Do Not Track and Global Privacy Control are an answer already: nothing is stored or sent, whatever is called.
  const refused = navigator.doNotTrack === "1" || window.doNotTrack === "1" || navigator.globalPrivacyControl === true;

  // ---- what is remembered: in localStorage, or in this page alone where that is shut
  const here = {};
  const get = (name) => {
    try { return localStorage.getItem("fairday." + name); } catch { return here[name] || null; }
  };
  const put = (name, value) => {
    here[name] = value;
    try {
      if (value === null) localStorage.removeItem("fairday." + name);
      else localStorage.setItem("fairday." + name, value);
    } catch { /* kept in `here` */ }
  };
  const cookie = (value, age) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `fairday_id=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  };
  const uuid = () => {
    if (crypto.randomUUID) return crypto.randomUUID(); // only on https and localhost
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  };
  const anonymousId = () => {
    const kept = get("id") || (document.cookie.match(/(?:^|; )fairday_id=([\w-]+)/) || [])[1];
    const id = kept || uuid();
    if (get("id") !== id) put("id", id);
    cookie(id, YEAR);
    return id;
  };
  const allowed = () => Boolean(key) && !refused && (asks ? get("consent") === "1" : get("consent") !== "0");

  // ---- the queue
  const queue = () => {
    try { return JSON.parse(get("queue")) || []; } catch { return []; }
  };
  const drop = (ids) => {
    const left = queue().filter((e) => !ids.has(e.messageId));
    put("queue", left.length ? JSON.stringify(left) : null);
    return left.length;
  };
  let timer = 0, wait = 0, sending = false;
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(flush, ms); };
  const packed = (events) => JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch: events });

  async function flush() {
    const events = queue().slice(0, BATCH);
    if (sending || !events.length || !allowed()) return;
    sending = true;
    const ids = new Set(events.map((e) => e.messageId));
    let after = 0;
    try {
      // text/plain needs no preflight: one request instead of two from another origin.
      const answer = await fetch(door, {
        method: "POST", body: packed(events), headers: { "Content-Type": "text/plain" },
        keepalive: true, credentials: "omit",
      });
      if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
        wait = 0;
        after = drop(ids) ? 1 : 0; // taken, or never to be taken
      } else {
        const asked = Number(answer.headers.get("Retry-After")) * 1000 || 0;
        after = Math.max(asked, wait = Math.min(wait * 2 || 1000, 60000));
      }
    } catch {
      after = wait = Math.min(wait * 2 || 1000, 60000); // offline; a repeat is known by its messageId
    }
    sending = false;
    if (after) later(after);
  }
  const leave = () => {
    const events = queue().slice(0, BATCH);
    if (!events.length || !allowed() || navigator.onLine === false || !navigator.sendBeacon) return;
    if (navigator.sendBeacon(door, packed(events))) drop(new Set(events.map((e) => e.messageId)));
  };

  // ---- events
  const context = () => {
    const found = new URLSearchParams(location.search), campaign = {};
    for (const word of ["source", "medium", "campaign", "term", "content"]) {
      const value = found.get("utm_" + word);
      if (value) campaign[word === "campaign" ? "name" : word] = value;
    }
    const all = {
      page: {
        url: location.href, path: location.pathname, search: location.search,
        referrer: document.referrer, title: document.title,
      },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      userAgent: navigator.userAgent,
      screen: { width: screen.width, height: screen.height },
      library: { name: "fairday.js", version: "1" },
    };
    if (Object.keys(campaign).length) all.campaign = campaign;
    return all;
  };
  const send = (type, fields) => {
    if (!allowed()) return;
    const event = {
      type, messageId: uuid(), timestamp: new Date().toISOString(),
      anonymousId: anonymousId(), userId: get("user"), context: context(), ...fields,
    };
    const all = queue();
    all.push(event);
    put("queue", JSON.stringify(all.slice(-MOST)));
    if (!wait) later(100);
  };

  const fairday = {
    /** Something the shopper did: fairday.track("Product Viewed", {product_id: "p1"}) */
    track: (event, properties) => send("track", { event, properties: properties || {} }),
    /** Who the shopper is: fairday.identify("u1", {email: "li@example.com"}) */
    identify: (userId, traits) => {
      if (!allowed()) return;
      if (userId && typeof userId === "object") [userId, traits] = [null, userId];
      if (userId) put("user", String(userId));
      send("identify", { userId: get("user"), traits: traits || {} });
    },
    /** A page was opened; the script says so itself once, unless data-page="off". */
    page: (name, properties) => {
      const more = properties || {};
      const { url, path, referrer, title, search } = context().page;
      send("page", { name: name || undefined, properties: { url, path, referrer, title, search, ...more } });
    },
    /** The shopper's answer: true lets the script work, false makes it forget everything and stop. */
    consent: (given) => {
      const before = allowed();
      if (!given) fairday.reset();
      put("consent", given ? "1" : "0");
      if (!before && allowed() && autoPage) fairday.page();
    },
    /** Forget who this is, at a sign-out. */
    reset: () => {
      for (const name of ["id", "user", "queue"]) put(name, null);
      cookie("", 0);
    },
  };
  window.fairday = fairday;
  if (!key) console.warn("fairday: the script tag needs data-key=\"WRITE_KEY\"");
  // Calls made before the script was here: window.fairday = [["track", "Product Viewed", {...}]]
  if (Array.isArray(early)) for (const [name, ...given] of early) if (fairday[name]) fairday[name](...given);
  if (autoPage) fairday.page();
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") leave(); });
  addEventListener("online", () => { wait = 0; flush(); });
  later(0);
})();
