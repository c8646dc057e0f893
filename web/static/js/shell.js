// What every page does: keys, menus, sheets, copying, toasts, theme and rail. Other scripts build on `spanwise`:
//   spanwise.keys(".selector", {j(event) {...}})  keys that work while an element of that selector is on the page;
//                                                 with {last: true} where no other has the key
//   spanwise.toast({text, undo})                  a line at the bottom right; `undo` is a path to POST to, or a function;
//                                                 gives {close, say(text)}
//   spanwise.visit(url, {replace})                go to a URL of this page without loading it all
{
  const root = document.documentElement;
  const bindings = [], fallbacks = [];
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private window */ } };

  const typing = (element) => element.closest?.("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");
  const dialog = () => document.querySelector("dialog[open]");

  // ---- keys: one letter, or g and a letter; never while typing, in a dialog, or with a modifier (AltGr is Ctrl+Alt)
  let afterG = 0;
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") return escape(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.getModifierState?.("AltGraph")) return;
    if (typing(event.target) || dialog()) return;
    if (afterG && performance.now() - afterG < 1500) {
      afterG = 0;
      const place = document.querySelector(`[data-keys="g ${CSS.escape(event.key)}"]`);
      if (place) { event.preventDefault(); place.click(); return; }
    }
    if (event.key === "g") { afterG = performance.now(); return; }
    if (event.key === "?") { event.preventDefault(); document.getElementById("keys")?.showModal(); return; }
    for (const [selector, map] of [...bindings, ...fallbacks]) {
      const act = map[event.key];
      if (act && document.querySelector(selector) && act(event) !== false) { event.preventDefault(); return; }
    }
    if (event.key === "/") { event.preventDefault(); window.spanwise.jump?.(); } // a page's own filter comes first
  });

  function escape(event) {
    if (dialog()) return; // the browser closes it
    const menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
    for (const [selector, map] of [...bindings, ...fallbacks]) {
      if (map.Escape && document.querySelector(selector) && map.Escape(event) !== false) return;
    }
  }

  // ---- clicks
  addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
    const opens = target.closest("[data-opens]");
    if (opens) document.getElementById(opens.dataset.opens)?.showModal();
    if (target.closest("[data-closes]")) target.closest("dialog").close();
    if (target.matches("dialog[open]")) target.close(); // its backdrop
    if (target.closest(".theme")) turnTheme();
    if (target.closest(".fold-rail")) foldRail();
    const copies = target.closest("[data-copy], [data-copy-from]");
    if (copies) { event.preventDefault(); copy(copies); }
  });

  function turnTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep("theme", root.dataset.theme);
  }
  function foldRail() {
    root.dataset.rail = root.dataset.rail === "open" ? "shut" : "open";
    keep("rail", root.dataset.rail);
    nameFold();
  }
  function nameFold() {
    document.querySelector(".fold-rail")?.setAttribute("aria-expanded", root.dataset.rail === "open" ? "true" : "false");
  }
  nameFold();

  async function copy(button) {
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    const text = button.dataset.copy ?? (from?.matches("textarea") ? from.value : from?.textContent) ?? "";
    if (!(await toClipboard(text))) return toast({ text: "The browser did not let us copy", bad: true });
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1200);
    toast({ text: "Copied", seconds: 2 });
  }
  async function toClipboard(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* http, or refused: the old way */ }
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "sr" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  // ---- toasts: 10 seconds, with Undo and the seconds left
  function toast({ text, undo, link, bad = false, seconds = 10 }) {
    const box = document.createElement("div");
    box.className = bad ? "toast bad" : "toast";
    const words = document.createElement("span");
    words.textContent = text;
    box.append(words);
    let left = seconds;
    const close = () => { clearInterval(timer); box.remove(); };
    if (link) {
      const go = Object.assign(document.createElement("a"), { className: "btn", href: link.href, textContent: link.text });
      box.append(go);
    }
    const count = document.createElement("kbd");
    if (undo) {
      const button = Object.assign(document.createElement("button"), { className: "btn", type: "button", textContent: "Undo" });
      count.textContent = `${left} s`;
      button.append(count);
      button.addEventListener("click", () => {
        close();
        if (typeof undo === "function") undo(); else htmx.ajax("POST", undo, { swap: "none", source: document.body });
      });
      box.append(button);
    }
    const timer = setInterval(() => {
      if (box.matches(":hover, :focus-within")) return;
      left -= 1;
      count.textContent = `${left} s`;
      if (left <= 0) close();
    }, 1000);
    document.getElementById("toasts").append(box);
    return { close, say: (now) => { words.textContent = now; } };
  }
  addEventListener("toast", (event) => toast(event.detail));

  // ---- forms whose button is [data-quiet]: sent without leaving the page; what came of it is said, or leads elsewhere
  addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button || !("quiet" in button.dataset)) return;
    event.preventDefault();
    const form = event.target;
    const where = button.hasAttribute("formaction") ? button.formAction : form.action;
    const answer = await fetch(where, { method: "POST", body: new FormData(form, button), headers: { "hx-request": "true" } });
    const text = await answer.text();
    if (!answer.ok) {
      const what = new DOMParser().parseFromString(text, "text/html").querySelector("#what")?.textContent;
      return toast({ text: what ?? "It could not be kept", bad: true });
    }
    const said = JSON.parse(text);
    if (said.goto) return location.assign(said.goto);
    button.closest("details")?.removeAttribute("open");
    toast(said);
    form.dispatchEvent(new Event("quiet", { bubbles: true }));
  });
  function sayFlash() { // what led to this page, said once: a page that comes back from the cache says nothing
    const flash = document.getElementById("flash");
    if (!flash) return;
    flash.remove();
    toast({ text: flash.dataset.text, undo: flash.dataset.undo || undefined });
  }

  // ---- htmx
  function visit(url, { replace = false, target = "#page" } = {}) {
    begin();
    return htmx.ajax("GET", url, { target, swap: "innerHTML", source: document.getElementById("page"), ...(replace ? { replace: "true" } : { push: "true" }) });
  }

  // Of two pages asked for one after the other the later one stays, whichever answers first. Calling off the request is
  // not enough: what was loaded ahead while the pointer was over its link is another request.
  let coming = null;
  const page = ({ target, request }) => target?.id === "page" && request.method === "GET";
  addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (!page(ctx)) return;
    coming?.request.abort();
    coming = ctx;
  });
  addEventListener("htmx:after:request", (event) => {
    if (page(event.detail.ctx) && event.detail.ctx !== coming) event.preventDefault();
  });
  addEventListener("htmx:after:history:update", () => {
    for (const link of document.querySelectorAll(".rail [data-place]")) {
      const places = [link.dataset.place, ...(link.dataset.also ?? "").split(" ").filter(Boolean)];
      if (places.some((place) => `${location.pathname}/`.startsWith(`${place}/`))) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
  });
  addEventListener("htmx:error", () => toast({ text: "The server did not answer; what you see may be old", bad: true }));
  addEventListener("htmx:after:swap", () => { nameFold(); sayFlash(); });

  // htmx reads every link of the page when it begins, which takes as long as painting it: the paint goes before. Whatever
  // the reader does makes it begin at once, so that no key leads to an element that does nothing yet.
  const initialize = htmx.initialize.bind(htmx);
  htmx.initialize = () => {}; // its own call comes at any time
  let begun = false;
  function begin() {
    if (begun) return;
    begun = true;
    initialize();
    sayFlash();
  }
  for (const type of ["focus", "keydown", "pointerdown", "click", "input", "change", "submit"]) {
    addEventListener(type, ({ target }) => { if (target !== window) begin(); }, { capture: true });
  }
  if (document.hidden) begin(); else requestAnimationFrame(() => setTimeout(begin));

  // The server wrote times in UTC because it did not know the zone yet: ask once more, and write only what differs into
  // what is there, so that nothing under the reader's hands is replaced.
  function rewrite(old, now) {
    if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName) return;
    if (old.nodeType === Node.TEXT_NODE) { if (old.data !== now.data) old.data = now.data; return; }
    if (old.nodeType !== Node.ELEMENT_NODE || old.childNodes.length !== now.childNodes.length) return;
    for (const name of ["title", "aria-label"]) if (now.hasAttribute(name) && old.getAttribute(name) !== now.getAttribute(name)) old.setAttribute(name, now.getAttribute(name));
    if (old.type === "datetime-local" && old !== document.activeElement) old.value = now.getAttribute("value") ?? "";
    const children = [...now.childNodes];
    [...old.childNodes].forEach((child, n) => rewrite(child, children[n]));
  }
  async function askForZone() {
    const answer = await fetch(location.href, { headers: { "hx-request": "true", "hx-target": "#page" } });
    if (!answer.ok) return;
    const main = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (main && document.getElementById("main")) rewrite(document.getElementById("main"), main);
  }
  // Times are written by the server, which knows the zone from this cookie. The first question for a zone takes a browser
  // as long as a small page does, so it waits for the first paint.
  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
    const cookie = `tz=${encodeURIComponent(zone)}`;
    const told = () => document.cookie.split("; ").includes(cookie);
    if (told()) return;
    document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax`;
    if (!["UTC", "Etc/UTC"].includes(zone) && told()) askForZone().catch(() => {}); // the next page has the right times
  }
  requestAnimationFrame(() => setTimeout(tellZone));

  window.spanwise = { toast, visit, typing, keep, keys: (selector, map, { last = false } = {}) => (last ? fallbacks : bindings).push([selector, map]) };
}
