// The labelling page: the next items lie ready in <template>s, so a verdict shows the next one without a request;
// what was decided goes to the server behind it (label_outbox.js), drafts stay in the browser until it is there.
{
  const { keys, toast, typing, outbox, wordDiff } = window.spanwise;
  const pace = document.getElementById("pace");
  const queue = pace.dataset.queue;
  const seen = new Map(); // item -> its element with all that was typed, for going back
  const decided = new Set(); // items that the server may still list as undecided
  const DRAFT_PAUSE_MS = 400;

  const desk = () => document.getElementById("desk");
  const form = () => document.getElementById("verdict");
  const chosen = () => form().elements.verdict.value;
  const itemUrl = (item) => {
    const url = new URL(location.href);
    url.searchParams.set("item", item);
    return url;
  };

  // ---- saving
  let status = "";
  const box = outbox(`label.${queue}`, {
    changed({ state, seconds, why }) {
      const words = { saving: "Saving…", saved: "✓ Saved", waiting: `Not saved yet: trying again in ${seconds} s${why ? `, ${why}` : ""}` };
      status = words[state];
      showStatus(state);
    },
    async answered(act, response) {
      forget(act.item, act.draft);
      pace.innerHTML = await response.text(); // our own fragment, escaped by the server
      if (act.undo) await undone(response.headers.get("x-spanwise-item"), act.shown);
    },
    refused(act, message) {
      decided.delete(act.item);
      toast({ text: `Not saved: ${message}`, bad: true });
      if (act.item) show(act.item);
    },
  });
  function showStatus(state = "") {
    const line = document.querySelector("[data-saved]");
    if (!line) return;
    line.textContent = status;
    line.classList.toggle("err", state === "waiting");
  }

  // ---- how long an item was looked at, without the time in another tab
  let since = 0;
  let looked = 0;
  const startClock = () => { looked = 0; since = document.hidden ? 0 : performance.now(); };
  const lookedMs = () => Math.round(looked + (since ? performance.now() - since : 0));
  addEventListener("visibilitychange", () => {
    if (document.hidden) { looked = lookedMs(); since = 0; keepDraft(); } else since = performance.now();
  });

  // ---- drafts
  const slot = (item) => `spanwise.draft.${queue}.${item}`;
  const typed = () => {
    const { critique, expected } = form().elements;
    return JSON.stringify({ verdict: chosen(), critique: critique.value, expected: expected.value });
  };
  let draftTimer = 0;
  function keepDraft() {
    clearTimeout(draftTimer);
    if (!desk() || desk().dataset.clean === typed()) return;
    try { localStorage.setItem(slot(desk().dataset.item), typed()); } catch { /* private window */ }
  }
  function restoreDraft() {
    desk().dataset.clean ??= typed();
    const draft = JSON.parse(draftOf(desk().dataset.item));
    if (!draft) return;
    form().elements.critique.value = draft.critique;
    form().elements.expected.value = draft.expected;
    for (const radio of form().elements.verdict) radio.checked = radio.value === draft.verdict;
  }
  function draftOf(item) {
    try { return localStorage.getItem(slot(item)); } catch { return null; /* private window */ }
  }
  function forget(item, sent) {
    if (!item || draftOf(item) !== sent) return; // written on since
    try { localStorage.removeItem(slot(item)); } catch { /* private window */ }
  }
  addEventListener("pagehide", keepDraft);

  // ---- showing an item
  function ready(item) {
    const template = document.querySelector(`#ahead template[data-item="${CSS.escape(item)}"]`);
    if (seen.has(item)) { template?.remove(); return seen.get(item); }
    const element = template?.content.firstElementChild;
    template?.remove();
    return element;
  }
  function place(element) {
    keepDraft();
    seen.set(desk().dataset.item, desk());
    desk().replaceWith(element);
    arrive();
  }
  function arrive() {
    restoreDraft();
    showDiff();
    showStatus();
    nameThumbs();
    startClock();
    document.querySelector(".item").scrollTop = 0;
    document.getElementById("main").scrollTop = 0;
    history.replaceState(history.state, "", itemUrl(desk().dataset.item));
    fetchAhead();
  }
  async function show(item) {
    if (desk().dataset.item === item) return;
    const element = ready(item) ?? (await fetchPart(item, "desk"))?.querySelector("#desk");
    if (element) place(element);
  }

  // ---- the items ahead
  async function fetchPart(item, part) {
    try {
      const response = await fetch(itemUrl(item), { headers: { "HX-Request": "true", "HX-Target": part } });
      if (response.ok && !response.redirected) return new DOMParser().parseFromString(await response.text(), "text/html");
    } catch { /* told below */ }
    toast({ text: "The server did not answer; saved labels are safe", bad: true });
    return null;
  }
  async function fetchAhead() {
    const ahead = document.getElementById("ahead");
    const here = desk().dataset.item;
    if (ahead.querySelectorAll("template").length >= 2) return;
    const part = await fetchPart(here, "ahead");
    if (!part || desk().dataset.item !== here) return;
    for (const template of part.querySelectorAll("template")) {
      const { item } = template.dataset;
      const held = ahead.querySelector(`template[data-item="${CSS.escape(item)}"]`);
      if (!held && !decided.has(item) && item !== here) ahead.append(template);
    }
  }

  // ---- deciding
  function save(verdict = chosen()) {
    if (going) return;
    const { critique, expected } = form().elements;
    const same = expected.value.trim() === desk().querySelector("[data-answer]").value.trim();
    if (!verdict && !critique.value.trim() && same) {
      toast({ text: "Choose pass or fail first", seconds: 3 });
      return;
    }
    const { item } = desk().dataset;
    for (const radio of form().elements.verdict) radio.checked = radio.value === verdict;
    keepDraft();
    const draft = draftOf(item);
    desk().dataset.clean = typed();
    decided.add(item);
    const fields = { verdict, critique: critique.value, expected: expected.value, ms_on_item: lookedMs() };
    box.put({ url: form().action, item, draft, fields });
    next();
  }
  let going = false; // decided, but the next item is still on its way
  async function next() {
    const first = () => document.querySelector("#ahead template");
    if (!first()) {
      const { item } = desk().dataset;
      going = true;
      await fetchAhead();
      going = false;
      if (desk().dataset.item !== item) return; // an undo or an arrow went elsewhere
    }
    if (first()) { place(ready(first().dataset.item)); return; }
    leave(`${location.pathname}${withoutItem()}`); // what is left, or how it came out
  }
  const withoutItem = () => {
    const query = new URLSearchParams(location.search);
    query.delete("item");
    return query.size ? `?${query}` : "";
  };
  async function leave(url) {
    keepDraft();
    await box.empty();
    location.assign(url);
  }
  function pick(verdict) {
    if (verdict !== "fail") { save(verdict); return; }
    for (const radio of form().elements.verdict) radio.checked = radio.value === "fail";
    nameThumbs();
    keepDraft();
    focusOn("critique");
  }
  function focusOn(name) {
    const field = form().elements[name];
    field.focus({ preventScroll: true });
    field.scrollIntoView({ block: "center" });
    field.setSelectionRange(field.value.length, field.value.length);
  }
  function undo() {
    const url = document.getElementById("undo").action;
    box.put({ url, item: null, undo: true, shown: desk().dataset.item, fields: {} });
  }
  async function undone(item) {
    if (!item) { toast({ text: "Nothing to undo", seconds: 3 }); return; }
    decided.delete(item);
    const element = seen.get(item) ?? (await fetchPart(item, "desk"))?.querySelector("#desk");
    if (!element) return;
    if (seen.has(item)) element.dataset.clean = ""; // what was typed is a draft again
    if (desk().dataset.item !== item) { requeue(); place(element); }
    toast({ text: `Took back item ${element.dataset.position}`, seconds: 3 });
  }
  /** Put the item shown back in front of those ahead, so that going on comes to it again. */
  function requeue() {
    const { item } = desk().dataset;
    if (decided.has(item)) return;
    const template = document.createElement("template");
    template.dataset.item = item;
    document.getElementById("ahead").prepend(template);
  }

  // ---- the expected answer against the answer
  function showDiff() {
    const before = desk().querySelector("[data-answer]").value;
    const after = form().elements.expected.value;
    const shown = desk().querySelector("[data-diff]");
    shown.hidden = before.trim() === after.trim() || after.trim() === "";
    const count = desk().querySelector("[data-diff-count]");
    if (shown.hidden) { count.textContent = ""; return; }
    const { added, removed } = wordDiff(shown, before, after);
    count.textContent = `${added} ${added === 1 ? "word" : "words"} added, ${removed} removed`;
  }

  // ---- the thumb bar: once Fail is chosen, the same place saves it
  function nameThumbs() {
    const fail = document.querySelector(".thumbs .fail");
    if (fail) fail.textContent = chosen() === "fail" ? "Save fail" : "Fail";
  }

  // ---- events
  addEventListener("submit", (event) => {
    if (event.target.id === "undo" && desk()) { event.preventDefault(); undo(); }
    if (event.target.id !== "verdict") return;
    event.preventDefault();
    const asked = event.submitter?.value;
    if (asked === "fail" && chosen() !== "fail") pick("fail"); else if (asked) save(asked); else save();
  });
  addEventListener("click", (event) => {
    const choice = event.target.closest?.("#verdict input[name=verdict]");
    if (choice && event.detail > 0) pick(choice.value); // a pointer; arrow keys in the group only choose
    const away = event.target.closest?.("[data-leave]");
    if (away && box.size) { event.preventDefault(); leave(away.href); }
  });
  addEventListener("change", (event) => { if (event.target.name === "verdict") nameThumbs(); });
  addEventListener("input", (event) => {
    if (!event.target.closest?.("#verdict")) return;
    if (event.target.name === "expected") showDiff();
    clearTimeout(draftTimer);
    draftTimer = setTimeout(keepDraft, DRAFT_PAUSE_MS);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    if (!desk() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    save();
  });
  const go = (item) => (item ? void show(item) : toast({ text: "That is the last one this way", seconds: 2 }));
  keys("#desk", {
    1: () => pick("pass"),
    2: () => pick("fail"),
    d: () => pick("defer"),
    c: () => focusOn("critique"),
    e: () => focusOn("expected"),
    u: undo,
    o: () => {
      const folds = [...desk().querySelectorAll(".behind details")];
      const open = folds.some((fold) => !fold.open);
      for (const fold of folds) fold.open = open;
    },
    ArrowLeft: () => go(desk().dataset.before),
    ArrowRight: () => go(desk().dataset.after),
    Escape: () => { if (typing(document.activeElement)) document.activeElement.blur(); else document.querySelector("[data-leave]").click(); },
  });

  if (desk()) arrive();
}
