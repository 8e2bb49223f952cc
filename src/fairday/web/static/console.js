// The console's script: everything here has a way without it.
"use strict";
(() => {
  const csrf = () => document.querySelector('input[name="csrf"]')?.value || "";

  async function ask(path, body) {
    const answer = await fetch(path, {
      method: "POST", body: new URLSearchParams(body),
      headers: { "X-CSRF-Token": csrf(), Accept: "text/html", "X-Part": "1" },
    });
    if (answer.redirected || answer.status === 403) { location.reload(); return null; }
    return answer.text();
  }

  // Forms with data-live send themselves to that address while they are typed in; the answer fills data-into.
  for (const form of document.querySelectorAll("form[data-live]")) {
    const into = document.querySelector(form.dataset.into);
    let timer = 0, turn = 0;
    const look = () => {
      const mine = ++turn;
      into.classList.add("busy");
      ask(form.dataset.live, new FormData(form)).then((html) => {
        if (html === null || mine !== turn) return;
        into.innerHTML = html;
        into.classList.remove("busy");
        form.dispatchEvent(new CustomEvent("looked"));
      }).catch(() => into.classList.remove("busy"));
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 300); });
    form.addEventListener("look", look);
  }

  // Words to click go into the field at its cursor.
  document.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-insert]");
    if (pick) {
      const field = document.querySelector(pick.closest("[data-for]").dataset.for);
      const at = field.selectionStart ?? field.value.length;
      const before = field.value.slice(0, at), gap = before && !/[\s(]$/.test(before) ? " " : "";
      field.setRangeText(gap + pick.dataset.insert, at, field.selectionEnd ?? at, "end");
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard?.writeText(document.querySelector(copy.dataset.copy).textContent.trim())
        .then(() => { copy.textContent = copy.dataset.copied; });
    }
  });

  // A question before what cannot be undone.
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  // Editors number their lines; lines with problems are marked.
  for (const box of document.querySelectorAll(".editor")) {
    const area = box.querySelector("textarea"), lines = box.querySelector(".lines");
    const number = () => {
      const bad = new Set([...document.querySelectorAll(".problems [data-line]")].map((n) => n.dataset.line));
      lines.textContent = "";
      const n = area.value.split("\n").length;
      for (let i = 1; i <= n; i++) {
        const line = document.createElement(bad.has(String(i)) ? "b" : "span");
        line.textContent = `${i}\n`;
        lines.append(line);
      }
    };
    area.addEventListener("input", number);
    area.addEventListener("scroll", () => { lines.scrollTop = area.scrollTop; });
    area.form?.addEventListener("looked", number);
    area.addEventListener("keydown", (event) => {
      // Tab indents; after Escape it leaves the field again, so that the keyboard is never caught here.
      if (event.key === "Escape") area.dataset.leave = "1";
      else if (event.key === "Tab" && !event.shiftKey && !area.dataset.leave) {
        event.preventDefault();
        area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
        area.dispatchEvent(new Event("input", { bubbles: true }));
      } else delete area.dataset.leave;
    });
    number();
  }

  // Rows of a form are added, taken away and moved without leaving the page.
  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    if (!form.dataset.rows || button?.name !== "do") return;
    event.preventDefault();
    const body = new FormData(form);
    body.append("do", button.value);
    const html = await ask(form.dataset.rows, body).catch(() => null);
    const fresh = html && new DOMParser().parseFromString(html, "text/html").getElementById("fields");
    if (!fresh) return;
    const open = [...form.querySelectorAll("details")].map((d) => d.open);
    form.querySelector("#fields").replaceWith(fresh);
    if (!/^(add|remove)/.test(button.value)) [...form.querySelectorAll("details")].forEach((d, i) => { d.open = d.open || open[i]; });
    const list = button.value.split(":")[1];
    if (button.value.startsWith("add")) [...fresh.querySelectorAll(`[name^="${list}["]`)].at(-1)?.closest(".rowbox")?.querySelector("input, select, textarea")?.focus();
    form.dispatchEvent(new Event("look"));
  });

  // Beside a condition that is being written stands a helper: a word, a comparison, a value.
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
  function fitted(helper) {
    const word = helper.querySelector(".word").selectedOptions[0], op = helper.querySelector(".op"), at = helper.querySelector(".value");
    const type = word.dataset.type, values = word.dataset.values ? word.dataset.values.split("|") : [];
    const ordered = ["int", "money", "day", "yearly"].includes(type);
    for (const option of op.options) option.hidden = ["bool", "texts"].includes(type) ? !["=", "!=", "known"].includes(option.value) : [">=", "<=", ">", "<"].includes(option.value) && !ordered;
    if (op.selectedOptions[0]?.hidden) op.value = "=";
    let input;
    if (type === "bool") input = document.createElement("span");
    else if (values.length) {
      input = document.createElement("select");
      for (const value of values) input.append(new Option(value, value));
    } else {
      input = document.createElement("input");
      input.type = { int: "number", money: "number", day: "date" }[type] || "text";
      if (type === "yearly") input.placeholder = "06-01";
    }
    input.addEventListener("input", (event) => event.stopPropagation());
    at.replaceChildren(input);
  }
  function written(helper) {
    const word = helper.querySelector(".word").selectedOptions[0], op = helper.querySelector(".op").value;
    const type = word.dataset.type, value = helper.querySelector(".value").firstChild?.value ?? "";
    if (op === "known") return `known(${word.value})`;
    if (type === "bool") return op === "=" ? word.value : `not ${word.value}`;
    if (value === "") return "";
    if (type === "texts") return `${op === "=" ? "" : "not "}has(${word.value}, ${quoted(value)})`;
    return `${word.value} ${op} ${["int", "money"].includes(type) ? value : quoted(value)}`;
  }
  document.addEventListener("focusin", (event) => {
    const field = event.target.closest?.("textarea[data-helper]");
    if (!field || field.parentElement.nextElementSibling?.classList.contains("helper")) return;
    document.querySelectorAll(".scene-form .helper").forEach((old) => old.remove());
    const made = document.getElementById(`helper-${field.dataset.helper}`).content.firstElementChild.cloneNode(true);
    field.parentElement.after(made);
    fitted(made);
    made.addEventListener("input", (input) => input.stopPropagation());
    made.querySelector(".word").addEventListener("change", () => fitted(made));
    made.querySelector(".add").addEventListener("click", () => {
      const part = written(made);
      if (!part) return;
      field.value = field.value.trim() ? `${field.value.trim()} and ${part}` : part;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  });

  // Parts with data-refresh fetch their page again every so many seconds while it is looked at.
  for (const part of document.querySelectorAll("[data-refresh]")) {
    setInterval(async () => {
      if (document.hidden || part.querySelector("details[open]")) return;
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) part.innerHTML = fresh.innerHTML;
    }, Number(part.dataset.refresh) * 1000);
  }

  // The menu is open beside wide pages with all its groups, and closes when a phone taps elsewhere; on a phone the
  // group of the page itself is open.
  const menu = document.querySelector(".menu"), wide = matchMedia("(min-width: 940px)");
  if (menu) {
    const fit = () => {
      menu.open = wide.matches;
      for (const group of menu.querySelectorAll("details.group")) group.open = wide.matches || !!group.querySelector("[aria-current]");
      if (wide.matches) menu.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    };
    wide.addEventListener("change", fit);
    fit();
    document.addEventListener("click", (event) => {
      if (!wide.matches && menu.open && !menu.contains(event.target)) menu.open = false;
    });
  }
})();
