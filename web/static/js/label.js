// The labelling page: the next items lie ready in <template>s, so a verdict shows the next one without a request;
// what was decided goes to the server behind it (label_outbox.js), drafts stay in the browser until it is there.
{
  const { keys, toast, typing, outbox, wordDiff, labelFields } = window.spanwise;
  const pace = document.getElementById("pace");
  const { queue, annotator, hold, heartbeat } = pace.dataset;
  const seen = new Map(); // item -> its element with all that was typed, for going back
  const decided = new Set(); // items that the server may still list as undecided
  const DRAFT_PAUSE_MS = 400;

  const desk = () => document.getElementById("desk");
  const form = () => document.getElementById("verdict");
  const fields = labelFields(form);
  const { chosen } = fields;
  const itemUrl = (item) => {
    const url = new URL(location.href);
    url.searchParams.set("item", item);
    return url;
  };

  // ---- saving
  let status = "";
  const box = outbox(`label.${queue}.${annotator}`, {
    changed({ state, seconds, why }) {
      const words = { saving: "Saving…", saved: "✓ Saved", waiting: `Not saved yet: trying again in ${seconds} s${why ? `, ${why}` : ""}` };
      status = words[state];
      showStatus(state);
    },
    async answered(act, response) {
      forget(act.item, act.draft);
      pace.innerHTML = await response.text(); // our own fragment, escaped by the server
      if (act.undo) await undone(response.headers.get("x-spanwise-item"), act.shown);
      if (act.again) await showAgain(act.item);
    },
    refused(act, message) {
      if (!act.again) decided.delete(act.item);
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
  const slot = (item) => `spanwise.draft.${queue}.${annotator}.${item}`;
  const typed = () => JSON.stringify(fields.values());
  let draftTimer = 0;
  function keepDraft() {
    clearTimeout(draftTimer);
    if (!desk() || desk().dataset.clean === typed()) return;
    try { localStorage.setItem(slot(desk().dataset.item), typed()); } catch { /* private window */ }
  }
  function restoreDraft() {
    desk().dataset.clean ??= typed();
    const draft = JSON.parse(draftOf(desk().dataset.item));
    if (draft) fields.fill(draft); else fields.showMarks();
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
    stay();
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
  const idle = () => !going && desk();
  function save() {
    if (!idle()) return;
    if (!fields.says()) {
      const lead = [...fields.leading().querySelectorAll(".choice:not(.later)")].map((choice) => choice.lastChild.textContent.trim().toLowerCase());
      toast({ text: lead.length ? `Choose ${lead.join(" or ")} first` : "Answer first", seconds: 3 });
      return;
    }
    const unfit = fields.invalid() ?? (fields.missing() && fields.first(fields.missing()));
    if (unfit) {
      fields.focusOn(unfit);
      toast({ text: unfit.validationMessage || "This question wants an answer", seconds: 3 });
      return;
    }
    decide(fields.values());
  }
  function decide(said) {
    const { item } = desk().dataset;
    keepDraft();
    const draft = draftOf(item);
    desk().dataset.clean = typed();
    decided.add(item);
    send(form().action, item, { draft }, said);
    next();
  }
  function send(url, item, more, said) {
    const { version } = form().dataset;
    box.put({ url, item, ...more, fields: { ...said, version, ms_on_item: lookedMs(), client_ns: `${Date.now()}000000` } });
  }
  const defer = () => { if (idle()) decide({ defer: 1 }); };
  function flag() {
    if (!idle()) return;
    send(form().action, null, {}, { flag: 1 });
    toast({ text: "Flagged: one more person will label it", seconds: 3 });
  }
  function reveal() {
    send(form().action.replace(/(\?|$)/, "/reveal$1"), desk().dataset.item, { again: true }, {});
  }
  async function showAgain(item) {
    seen.delete(item);
    const element = (await fetchPart(item, "desk"))?.querySelector("#desk");
    if (!element) return;
    if (desk().dataset.item === item) { desk().replaceWith(element); arrive(); } else seen.set(item, element);
  }
  let going = null; // decided, but the next item is still on its way
  function stay() {
    going = null;
    desk().removeAttribute("aria-busy");
  }
  async function next() {
    const first = () => document.querySelector("#ahead template");
    if (!first()) {
      const mine = going = {};
      desk().setAttribute("aria-busy", "true");
      await fetchAhead();
      if (going !== mine) return; // an undo or an arrow came first
      stay();
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
  function pick(value) {
    if (!idle()) return;
    fields.set(value);
    nameThumbs();
    keepDraft();
    const radio = fields.radios(fields.leading()).find((one) => one.checked);
    if (radio && "why" in radio.dataset) { fields.goto("c"); return; }
    if ("onKey" in form().dataset) { save(); return; }
    onward();
  }
  /** Go to the next question that wants an answer, or to the button that saves. */
  function onward() {
    const missing = fields.missing();
    if (missing) fields.focusOn(fields.first(missing)); else form().querySelector(".send .primary").focus();
  }
  function chooseNth(n) {
    const ask = fields.here();
    const radio = fields.radios(ask)[n - 1];
    if (!radio) return false;
    if ("lead" in ask.dataset) pick(radio.value);
    else { radio.checked = true; radio.focus(); keepDraft(); onward(); }
    return true;
  }
  function chooseKey(key) {
    const radio = form().querySelector(`input[data-key="${CSS.escape(key)}"]`);
    if (!radio) return false;
    if (radio.closest("[data-lead]")) pick(radio.value); else { radio.checked = true; keepDraft(); onward(); }
    return true;
  }
  function undo() {
    const url = document.getElementById("undo").action;
    box.put({ url, item: null, undo: true, shown: desk().dataset.item, fields: {} });
  }
  async function undone(item) {
    if (!item) { toast({ text: "Nothing to undo", seconds: 3 }); return; }
    decided.delete(item);
    if (desk().dataset.item === item) stay();
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
    const expected = form().querySelector("[data-expected]");
    if (!expected) return;
    const after = expected.value;
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
    if (event.target.id === "reveal") { event.preventDefault(); reveal(); }
    if (event.target.id !== "verdict") return;
    event.preventDefault();
    const { name, value } = event.submitter ?? {};
    if (name === "defer") defer();
    else if (name === "flag") flag();
    else if (value && !(chosen() === value && event.submitter.closest(".thumbs"))) pick(value);
    else save();
  });
  addEventListener("click", (event) => {
    const choice = event.target.closest?.("#verdict [data-lead] input[type=radio]");
    if (choice && event.detail > 0) pick(choice.value); // a pointer; arrow keys in the group only choose
    const away = event.target.closest?.("[data-leave]");
    if (away && box.size) { event.preventDefault(); leave(away.href); }
  });
  addEventListener("change", (event) => { if (event.target.closest?.("#verdict [data-lead]")) nameThumbs(); });
  addEventListener("input", (event) => {
    if (!event.target.closest?.("#verdict")) return;
    if ("expected" in event.target.dataset) showDiff();
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
    ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, () => chooseNth(n)])),
    ...Object.fromEntries(["c", "e", "s", "h", "n", "t"].map((key) => [key, () => fields.goto(key)])),
    a: () => chooseKey("a"),
    b: () => chooseKey("b") || fields.goto("b"),
    "=": () => chooseKey("="),
    d: defer,
    f: flag,
    m: () => fields.mark(),
    r: reveal,
    u: undo,
    i: () => { for (const fold of form().querySelectorAll(".guidance")) fold.open = !fold.open; },
    o: () => {
      const folds = [...desk().querySelectorAll(".behind details")];
      const open = folds.some((fold) => !fold.open);
      for (const fold of folds) fold.open = open;
    },
    ArrowUp: () => fields.move(-1),
    ArrowDown: () => fields.move(1),
    ArrowLeft: () => go(desk().dataset.before),
    ArrowRight: () => go(desk().dataset.after),
    Escape: () => { if (typing(document.activeElement)) document.activeElement.blur(); else document.querySelector("[data-leave]").click(); },
  });

  keys("#finished", { u: () => document.getElementById("undo").requestSubmit() });

  // ---- what is in hand: kept while the page is looked at, given back when it is left
  const readied = () => [...document.querySelectorAll("#ahead template")].map((template) => template.dataset.item);
  function tell(said) {
    const token = document.querySelector("input[name=csrf_token]")?.value ?? "";
    return new URLSearchParams({ ...said, csrf_token: token });
  }
  setInterval(() => {
    if (document.hidden || !desk()) return;
    const keep = [desk().dataset.item, ...readied()].filter((item) => !decided.has(item)).join(",");
    fetch(hold, { method: "POST", body: tell({ keep }) }).catch(() => { /* the next one will do */ });
  }, 1000 * Number(heartbeat));
  addEventListener("pagehide", () => {
    if (desk() && readied().length) navigator.sendBeacon(hold, tell({ release: readied().join(",") }));
  });

  if (desk()) arrive();
}
