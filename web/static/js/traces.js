// The lists of traces and of sessions: filter bar, choosing rows, live. Everything here has a way without it.
{
  const { keys, visit, keep } = spanwise;
  const LIST = ":is(.rows-traces, .rows-sessions)";
  const BOX = "tbody [name$=_id]"; // trace_id or session_id
  const $ = (selector) => document.querySelector(selector);
  const rows = () => [...document.querySelectorAll(`${LIST} tbody tr`)];

  // ---- rows: j k Enter x
  const at = () => rows().findIndex((row) => row.contains(document.activeElement));
  function move(by) {
    const all = rows();
    if (!all.length) return;
    const row = all[Math.min(Math.max(at() + by, 0), all.length - 1)];
    row.querySelector(".row-link").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  let lastChosen = null;
  function choose(range) {
    const all = rows();
    const here = at();
    if (here < 0) return false;
    const box = (row) => row.querySelector("[name$=_id]");
    const from = range && lastChosen !== null ? Math.min(lastChosen, here) : here;
    const to = range && lastChosen !== null ? Math.max(lastChosen, here) : here;
    const on = range ? true : !box(all[here]).checked;
    for (let n = from; n <= to; n += 1) if (all[n]) box(all[n]).checked = on;
    lastChosen = here;
    count();
    return true;
  }
  function count() {
    const chosen = document.querySelectorAll(`${LIST} ${BOX}:checked`).length;
    const words = $("#bulk-count");
    const every = $(".bulk [name=all_of]");
    if (every && !chosen) every.checked = false;
    if (words) words.textContent = `${every?.checked ? every.dataset.n : chosen} chosen`;
    const compare = $("#bulk-compare");
    if (compare) compare.hidden = chosen !== 2 || Boolean(every?.checked);
    disarm();
    const all = $("#check-all");
    if (all) { all.checked = chosen > 0 && chosen === rows().length; all.indeterminate = chosen > 0 && !all.checked; }
    return chosen;
  }
  // What cannot be undone is asked for twice; the second time says how many.
  function disarm() {
    const button = $("#bulk-delete");
    if (!button) return;
    delete button.dataset.armed;
    button.value = "0";
    button.classList.remove("danger");
    button.lastElementChild.textContent = "Delete";
  }
  function arm(button) {
    const every = $(".bulk [name=all_of]:checked");
    const boxes = [...document.querySelectorAll(`${LIST} ${BOX}:checked`)];
    const turns = boxes.reduce((sum, box) => sum + Number(box.dataset.turns ?? 0), 0); // of sessions
    const chosen = every ? every.dataset.n : turns ? `${boxes.length} with ${turns} ${turns === 1 ? "trace" : "traces"}` : boxes.length;
    button.dataset.armed = "";
    button.value = "1"; // what the server asks for
    button.classList.add("danger");
    button.lastElementChild.textContent = `Delete ${chosen} for good?`;
  }
  addEventListener("submit", (event) => {
    if (event.submitter?.id !== "bulk-delete" || "armed" in event.submitter.dataset) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    arm(event.submitter);
  }, true);
  // Tags, labels and places in queues are given without leaving the list.
  addEventListener("quiet", () => { clear(); showNow(); });
  addEventListener("unlabelled", showNow); // an undo
  async function showNow() { // what is chosen, unfolded and scrolled to stays so
    const facets = () => [...document.querySelectorAll("#traces_found [data-facet]")];
    const open = new Map(facets().map((facet) => [facet.dataset.facet, facet.open]));
    const target = $("#traces_found") ? "#traces_found" : "#list";
    await htmx.ajax("GET", location.href, { target, source: target, swap: "innerMorph" });
    for (const facet of facets()) facet.open = open.get(facet.dataset.facet) ?? facet.open;
  }
  addEventListener("keydown", (event) => { // Enter in one of these fields means its own button, not the form's first
    const field = event.key === "Enter" && event.target.closest?.(".pop.quick");
    if (!field) return;
    event.preventDefault();
    field.querySelector("[type=submit]").click();
  });
  function clear() {
    if (!count()) return false;
    for (const box of document.querySelectorAll(`${LIST} ${BOX}:checked`)) box.checked = false;
    count();
    return true;
  }
  addEventListener("change", ({ target }) => {
    if (target.id === "check-all") for (const row of rows()) row.querySelector("[name$=_id]").checked = target.checked;
    if (target.id === "check-all" || target.matches(`${BOX}, [name=all_of]`)) count();
  });
  addEventListener("click", (event) => {
    const { target } = event;
    if (target.closest?.("#bulk-clear")) clear();
    const compare = target.closest?.("#bulk-compare");
    if (compare) {
      const [b, a] = [...document.querySelectorAll(`${LIST} ${BOX}:checked`)].map((box) => box.value);
      const url = new URL(compare.dataset.href, location.href);
      url.searchParams.set("a", a);
      url.searchParams.set("b", b);
      location.assign(url);
    }
    if (target.closest?.(".fold-facets")) foldFacets();
    if (target.closest?.(".two-lines")) turnRows();
    const box = target.closest?.(BOX);
    if (box) {
      const here = rows().findIndex((row) => row.contains(box));
      if (event.shiftKey && lastChosen !== null) {
        rows().slice(Math.min(lastChosen, here), Math.max(lastChosen, here) + 1)
          .forEach((row) => { row.querySelector("[name$=_id]").checked = box.checked; });
        count();
      }
      lastChosen = here;
    }
  });
  function foldFacets() {
    const root = document.documentElement;
    if (root.dataset.facets === "shut") delete root.dataset.facets; else root.dataset.facets = "shut";
    keep("facets", root.dataset.facets ?? "open");
  }

  function turnRows() {
    const root = document.documentElement;
    if (root.dataset.rows === "two") delete root.dataset.rows; else root.dataset.rows = "two";
    keep("rows", root.dataset.rows ?? "one");
  }

  keys("#q", { "/": () => $("#q").focus() });
  keys(LIST, {
    j: () => move(1), k: () => move(-1), x: () => choose(false), X: () => choose(true), f: foldFacets, r: turnRows,
    ArrowDown: () => (at() >= 0 ? move(1) : false), ArrowUp: () => (at() >= 0 ? move(-1) : false),
    Escape: () => clear(),
  });
  keys(".live", { l: () => $(".live").click() });

  // ---- filter bar
  const filter = () => $("#q");
  const options = () => [...document.querySelectorAll("#complete [role=option]")];
  function mark(option) {
    for (const each of options()) each.setAttribute("aria-selected", each === option ? "true" : "false");
    if (option) { filter().setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else filter().removeAttribute("aria-activedescendant");
  }
  // A list was completed for one text: while that is not the text in the box, nothing of it may be marked or taken.
  const fresh = () => $("#complete [data-completed]")?.dataset.completed === filter().value;
  let takesNext = false; // Tab came before the list did: its first option is taken when it is there
  function take(option) {
    const fills = option.querySelector("[data-fill]");
    if (!fills) return option.querySelector("a").click();
    filter().value = fills.dataset.fill;
    filter().focus();
    filter().dispatchEvent(new Event("input", { bubbles: true }));
  }
  addEventListener("keydown", (event) => {
    const input = filter();
    if (!input || event.target !== input || event.isComposing) return;
    const all = fresh() ? options() : [];
    const here = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const waited = takesNext;
    takesNext = false;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
      event.preventDefault();
      const next = here < 0 ? (event.key === "ArrowDown" ? 0 : all.length - 1) : here + (event.key === "ArrowDown" ? 1 : -1);
      mark(all[next] ?? null);
    } else if (event.key === "Tab" && !event.shiftKey && input.value && all.length) {
      event.preventDefault();
      take(all[Math.max(here, 0)]);
    } else if (event.key === "Tab" && !event.shiftKey && input.value && !fresh() && !waited) {
      event.preventDefault(); // pressed once more it leaves the box, as ever
      takesNext = true;
    } else if (event.key === "Enter" && here >= 0) {
      event.preventDefault();
      take(all[here]);
    } else if (event.key === "/" && !input.value) {
      event.preventDefault(); // the key that leads here, pressed once more
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (input.value) input.value = ""; else input.blur();
    } else if (event.key === "Backspace" && !input.value && input.dataset.last) {
      event.preventDefault(); // the last chip becomes text again
      input.value = input.dataset.last;
      input.form.elements.filter.value = input.dataset.without;
      [...input.form.querySelectorAll(".chip")].at(-1)?.remove();
      input.dataset.last = "";
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  addEventListener("mousedown", (event) => {
    const fills = event.target.closest?.("[data-fill]");
    if (fills) { event.preventDefault(); take(fills.closest("[role=option]")); }
  });
  addEventListener("htmx:after:swap", () => {
    if (!takesNext || !filter() || !fresh()) return;
    takesNext = false;
    if (options().length) take(options()[0]);
  });
  addEventListener("focusin", ({ target }) => { if (target.id === "q") target.setAttribute("aria-expanded", "true"); });
  addEventListener("focusout", ({ target }) => { if (target.id === "q") { target.setAttribute("aria-expanded", "false"); takesNext = false; } });
  addEventListener("input", ({ target }) => { if (target.id === "q") { mark(null); takesNext = false; } });
  if (filter() && document.activeElement === filter()) { // its reader was faster than this script
    filter().setAttribute("aria-expanded", "true");
    filter().dispatchEvent(new Event("input", { bubbles: true }));
  }

  // ---- live rows never come under the reader's hands
  spanwise.reading = () => {
    const list = $("#list");
    return !list || list.scrollTop > 8 || count() > 0 || $("dialog[open], details.menu[open]") ||
      document.activeElement === filter() || spanwise.brushing();
  };
  addEventListener("htmx:after:swap", count);
}
