// Codes: the whole page by keyboard. Without this file everything is a form.
{
  const { keys, toast } = spanwise;
  const BOX = ".critiques [name=id]";
  const $ = (selector) => document.querySelector(selector);
  const boxes = () => [...document.querySelectorAll(BOX)];
  const at = () => boxes().findIndex((box) => box === document.activeElement);
  let last = 0; // the row to go on with when the list is another one
  let from = null; // where a range begins

  function go(to) {
    const all = boxes();
    const box = all[Math.min(Math.max(to, 0), all.length - 1)];
    if (!box) return false;
    box.focus({ preventScroll: true });
    box.closest("li").scrollIntoView({ block: "nearest" });
    last = all.indexOf(box);
    return true;
  }
  const move = (by) => go(at() < 0 ? (by > 0 ? last : last - 1) : at() + by);

  function choose(range) {
    const all = boxes();
    const here = at();
    if (here < 0) return false;
    if (range && from !== null) for (let n = Math.min(from, here); n <= Math.max(from, here); n += 1) all[n].checked = true;
    else all[here].checked = !all[here].checked;
    from = here;
    return count();
  }
  function all() {
    const every = boxes();
    const on = !every.every((box) => box.checked);
    for (const box of every) box.checked = on;
    return count();
  }
  function clear() {
    const ticked = boxes().filter((box) => box.checked);
    for (const box of ticked) box.checked = false;
    count();
    return ticked.length > 0 && !$(".code-group");
  }
  function count() {
    const chosen = document.querySelectorAll(`${BOX}:checked`).length;
    const words = $(".code-form .chosen");
    if (words) words.textContent = chosen ? `${chosen} chosen` : "";
    return true;
  }

  // What is ticked is meant, else the row that is looked at.
  const form = () => document.activeElement?.closest?.(".code-form, .code-group") ?? $(".code-form, .code-group");
  function tick() {
    const mine = [...(form()?.querySelectorAll("[name=id]") ?? [])];
    if (mine.some((box) => box.checked)) return true;
    const box = boxes()[last];
    if (!box || !mine.includes(box)) return false;
    box.checked = true;
    return count();
  }
  function press(button) {
    if (!button) return false;
    if (!tick()) { toast({ text: "Choose a critique first: j, then x" }); return true; }
    button.form.requestSubmit(button);
    return true;
  }
  const act = (word) => form()?.querySelector(`.code-bar [name=do][value^="${word}"]`);
  let onEnter = null;
  function write(word) {
    const field = form()?.querySelector(".code-bar [name=name]");
    if (!field || !act(word)) return false;
    if (at() >= 0) last = at();
    onEnter = word;
    field.focus();
    field.select();
    return true;
  }
  addEventListener("keydown", (event) => {
    if (event.isComposing || !event.target.matches?.(".code-bar [name=name]")) return;
    if (event.key === "Enter") { event.preventDefault(); press(act(onEnter ?? "code")); }
    if (event.key === "Escape") { event.preventDefault(); go(last); }
  });
  addEventListener("focusin", ({ target }) => {
    if (target.matches?.(BOX)) { last = boxes().indexOf(target); onEnter = null; }
  });
  addEventListener("change", ({ target }) => { if (target.matches?.(BOX)) { from = boxes().indexOf(target); count(); } });
  // A button that is pressed with nothing ticked means the row last looked at; a code that is taken off needs none.
  addEventListener("submit", (event) => {
    const { submitter, target } = event;
    if (!target.matches(".code-form, .code-group") || submitter?.value.startsWith("uncode")) return;
    if (!tick()) { event.preventDefault(); event.stopImmediatePropagation(); toast({ text: "Choose a critique first" }); }
  }, true);

  function list(by) {
    const links = [...document.querySelectorAll("[data-view]")];
    const here = links.findIndex((link) => link.hasAttribute("aria-current"));
    const next = links[Math.min(Math.max(here + by, 0), links.length - 1)];
    if (!next || next === links[here]) return true;
    links[here]?.removeAttribute("aria-current"); // at once, so that the key pressed twice goes two lists on
    next.setAttribute("aria-current", "page");
    next.click();
    return true;
  }
  function open(key) {
    const menu = $(`.code-head [data-key="${key}"]`);
    if (!menu) return false;
    menu.open = true;
    const field = menu.querySelector("input:not([type=hidden]), select");
    field.focus();
    if (field.select) field.select();
    return true;
  }
  const quick = Object.fromEntries([..."123456789"].map((n) => [n, () => press($(`[data-quick="${n}"]`))]));
  keys("#codes", {
    j: () => move(1), k: () => move(-1), x: () => choose(false), X: () => choose(true), a: all, Escape: () => clear(),
    ArrowDown: () => (at() >= 0 ? move(1) : false), ArrowUp: () => (at() >= 0 ? move(-1) : false),
    ...quick, 0: () => press(act("aside")), c: () => write("code"), s: () => write("split"),
    y: () => ($(".code-group") ? press(act("code")) : false),
    o: () => { const link = boxes()[last]?.closest("li").querySelector(".trace"); return link ? link.click() : false; },
    u: () => { const undo = $("#code-undo"); return undo ? undo.requestSubmit() : false; },
    r: () => open("r"), m: () => open("m"), q: () => open("q"), "]": () => list(1), "[": () => list(-1),
  });

  // The list is another one now: go on where the hands were.
  let mine = false;
  addEventListener("htmx:before:request", ({ detail }) => {
    if (detail.ctx.sourceElement.matches?.("a")) { last = 0; mine = false; return; } // a list of its own
    mine = Boolean(document.activeElement?.closest?.("#codes")) || document.activeElement === document.body;
  });
  addEventListener("htmx:after:swap", () => {
    if (!$("#codes")) return;
    from = null;
    count();
    if (mine && at() < 0 && (document.activeElement === document.body || !document.activeElement)) go(last);
  });
  // One act at a time can be had back by its toast; the history has the others.
  const hush = () => { if ($("#codes")) for (const old of document.querySelectorAll("#toasts .toast")) old.remove(); };
  addEventListener("toast", hush, true);
  addEventListener("submit", hush);
  // An act was undone by its toast.
  addEventListener("codes", () => htmx.ajax("GET", location.href, { target: "#codes", source: "#codes", swap: "innerHTML" }));
}
