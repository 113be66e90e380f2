// What pages do better with a script; each of them does the same without one.
"use strict";
(() => {
  const by = (selector, root = document) => root.querySelector(selector);

  // Compare: open and close an area in place, and keep the address true.
  const fly = by("#fly");
  fly?.addEventListener("click", (event) => {
    const link = event.target.closest("a.toggle");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const open = link.getAttribute("aria-expanded") !== "true";
    link.setAttribute("aria-expanded", String(open));
    document.getElementById(link.getAttribute("aria-controls")).hidden = !open;
    const links = [...fly.querySelectorAll("a.toggle")];
    const code = (one) => one.getAttribute("aria-controls").slice(3);
    const shown = links.filter((one) => one.getAttribute("aria-expanded") === "true").map(code);
    const address = (codes) => "/compare?open=" + (codes.length ? codes.join(",") : "none");
    history.replaceState(null, "", address(shown));
    for (const one of links) {
      const mine = code(one);
      one.href = address(links.map(code).filter((c) => (c === mine) !== shown.includes(c))) + "#" + mine;
    }
  });

  // Filters: send the form a moment after the last key, and show the answer without leaving the field.
  const form = by("form[data-live]");
  if (form) {
    let timer = 0;
    let latest = 0;
    const load = async () => {
      const mine = ++latest;
      const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
      const address = form.getAttribute("action") + (asked.size ? "?" + asked : "");
      const answer = await fetch(address, { headers: { accept: "text/html" } }).catch(() => null);
      if (!answer?.ok || mine !== latest) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = by("#results", page);
      if (mine !== latest || !fresh) return;
      by("#results").replaceWith(fresh);
      history.replaceState(null, "", address);
    };
    form.addEventListener("input", (event) => {
      clearTimeout(timer);
      timer = setTimeout(load, event.target.matches("input[type=search]") ? 180 : 0);
    });
  }

  // A run in progress: ask every second, and load the whole page once it has ended.
  const live = by("[data-progress]");
  if (live) {
    const ask = async () => {
      const answer = await fetch(live.dataset.progress).catch(() => null);
      if (answer?.ok) {
        live.innerHTML = await answer.text();
        if (by("[data-ended]", live)) return location.reload();
      }
      setTimeout(ask, 1000);
    };
    setTimeout(ask, 500);
  }

  // Keys: g and a letter goes somewhere, / goes to the filter, ? lists them.
  const places = { o: "/", c: "/compare", i: "/inventory", f: "/findings", t: "/tickets", k: "/controls", n: "/connections" };
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, dialog[open]")) return;
    if (waiting && Date.now() - waiting < 1200 && places[event.key]) {
      location.href = places[event.key];
    } else if (event.key === "/") {
      const field = by("input[type=search]");
      if (!field) return;
      event.preventDefault();
      field.focus();
    } else if (event.key === "?") {
      by("#keys").showModal();
    }
    waiting = event.key === "g" ? Date.now() : 0;
  });
})();
