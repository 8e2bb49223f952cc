// The page that waits for a payment: looks again while it is seen, and hands WeChat's bridge what it needs inside WeChat.
(() => {
  const box = document.querySelector("[data-wait]");
  if (box) {
    let pause = 1500;
    const look = async () => {
      if (!document.hidden) {
        try {
          const said = await (await fetch(box.dataset.wait, { headers: { accept: "application/json" } })).json();
          if (said.status && said.status !== box.dataset.was && !(box.dataset.then && said.status === "pending")) {
            location.replace(box.dataset.then || location.href);
            return;
          }
        } catch { /* away for a moment */ }
        pause = Math.min(pause * 1.15, 10000);
      }
      setTimeout(look, pause);
    };
    setTimeout(look, pause);
  }
  const form = document.querySelector("form[data-bridge]");
  if (form && /MicroMessenger/i.test(navigator.userAgent)) {
    form.addEventListener("submit", (event) => {
      const bridge = window.WeixinJSBridge;
      if (!bridge) return;
      event.preventDefault();
      const params = Object.fromEntries(new FormData(form));
      delete params.return_url;
      bridge.invoke("getBrandWCPayRequest", params, () => location.assign(box.dataset.then));
    });
  }
})();
