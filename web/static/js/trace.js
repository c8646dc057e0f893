// A trace: the tree by keyboard, folding, finding, errors, the critical path; Raw, Copy and the search in attributes.
{
  const { keys, typing } = spanwise;
  const TREE = "#tree";
  const $ = (selector) => document.querySelector(selector);
  const all = () => [...document.querySelectorAll(`${TREE} [data-n]`)];
  const visible = () => all().filter((row) => !row.hidden);
  const level = (row) => Number(row.getAttribute("aria-level"));
  const selected = () => $(`${TREE} [aria-selected=true]`);

  function closeDetail() {
    $("#main").classList.remove("detail-open");
    history.replaceState(history.state, "", $("[data-close-detail]").href);
  }
  function select(row, { open = true } = {}) {
    if (!row) return;
    for (const each of document.querySelectorAll(`${TREE} [aria-selected=true]`)) { each.setAttribute("aria-selected", "false"); each.tabIndex = -1; }
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    row.scrollIntoView({ block: "nearest" });
    if (open) row.click();
  }
  function move(by) {
    const rows = visible();
    const here = rows.indexOf(selected());
    const row = rows[Math.min(Math.max(here + by, 0), rows.length - 1)];
    if (!row || row === selected()) return;
    if (windowed() && !("found" in $("#find").dataset) && here >= 0 && Number(row.dataset.n) !== Number(rows[here].dataset.n) + by) return; // not fetched yet
    row.focus({ preventScroll: true });
    openSoon(row);
  }
  // Held arrow keys pass over many rows: only the one they rest on is opened.
  let soon = 0;
  function openSoon(row) {
    select(row, { open: false });
    clearTimeout(soon);
    soon = setTimeout(() => row.click(), 90);
  }

  // A span that is shown already is not asked for again: what plays, is unfolded or has the focus in it would be lost.
  const isShown = (row) => !$(`${TREE} .htmx-request`) && `s-${$("#detail .span-head")?.dataset.span}` === row.id;

  // ---- folding
  function fold(row, shut) {
    if (windowed()) return foldInAll(row, shut);
    row.setAttribute("aria-expanded", shut ? "false" : "true");
    show();
  }
  function show() {
    if (windowed()) return; // the server finds and folds
    const words = ($("#find")?.value ?? "").trim().toLowerCase();
    let hiddenBelow = Infinity;
    let any = false;
    for (const row of all()) {
      const deep = level(row);
      if (deep <= hiddenBelow) hiddenBelow = Infinity;
      const found = !words || inWords(row).toLowerCase().includes(words);
      row.hidden = words ? !found : deep > hiddenBelow;
      if (!words && hiddenBelow === Infinity && row.getAttribute("aria-expanded") === "false") hiddenBelow = deep;
      any ||= !row.hidden;
    }
    const none = $("#none-found");
    if (none) none.hidden = any;
    for (const block of document.querySelectorAll(`${TREE} .rows`)) placeBars(block);
  }
  const inWords = (row) => [row.dataset.kind, ...[...row.childNodes].filter((one) => !one.matches?.(".n, .wf")).map((one) => one.textContent)].join(" ");
  // Bars are drawn for a block of rows at once, each so many percent below its top.
  function placeBars(block) {
    const rows = [...block.querySelectorAll("[data-n]")];
    const shown = rows.filter((row) => !row.hidden);
    for (const [n, bar] of block.querySelectorAll(":scope > .wf > g").entries()) {
      bar.toggleAttribute("hidden", rows[n].hidden);
      for (const one of bar.children) one.setAttribute("y", `${(shown.indexOf(rows[n]) / shown.length) * 100}%`);
    }
  }
  // Of a large trace only a window of rows is here: the server finds in all of it.
  const windowed = () => $(`${TREE}[data-windowed]`);
  let finding = 0;
  function findInAll() {
    clearTimeout(finding);
    finding = setTimeout(async () => {
      const url = new URL(location.href);
      const words = $("#find").value.trim();
      if (words) url.searchParams.set("find", words);
      await htmx.ajax("GET", url.pathname + url.search, { target: "#spans", source: "#spans", swap: "innerMorph" });
      $("#find")?.toggleAttribute("data-found", Boolean(words));
      if (!words) selected()?.scrollIntoView({ block: "center" });
    }, 150);
  }
  function foldInAll(row, shut) {
    const url = new URL(location.href);
    const ids = new Set($(TREE).dataset.shut.split(",").filter(Boolean));
    if (shut) ids.add(row.id.slice(2)); else ids.delete(row.id.slice(2));
    if (ids.size) url.searchParams.set("shut", [...ids].join(",")); else url.searchParams.delete("shut");
    history.replaceState(history.state, "", url);
    return htmx.ajax("GET", url.pathname + url.search, { target: "#spans", source: "#spans", swap: "innerMorph" });
  }
  addEventListener("submit", (event) => { if (event.target.id === "find-form") event.preventDefault(); }); // found while typing
  addEventListener("input", ({ target }) => {
    if (target.id === "find" && (windowed() || "found" in target.dataset)) return findInAll();
    if (target.id === "find") show();
    if (target.id === "find-attribute") findAttribute(target.value.trim().toLowerCase());
  });
  function findAttribute(words) {
    for (const row of document.querySelectorAll(".attrs tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(words);
  }

  addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const twist = target.closest(`${TREE} [aria-expanded] .twist`);
    if (twist) {
      const row = twist.closest("[role=treeitem]");
      event.preventDefault();
      event.stopPropagation();
      fold(row, row.getAttribute("aria-expanded") === "true");
      return;
    }
    const row = target.closest(`${TREE} [role=treeitem]`);
    if (row && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      select(row, { open: false });
      $("#main").classList.add("detail-open");
      if (isShown(row)) { clearTimeout(soon); event.preventDefault(); event.stopPropagation(); return; }
    }
    const goes = target.closest("[data-goes]");
    if (target.closest("#annotate")) $("#main").classList.add("detail-open"); // a phone shows the tree or the span
    if (goes) select(document.getElementById(`s-${goes.dataset.goes}`), { open: false });
    if (target.closest("[data-close-detail]")) { event.preventDefault(); closeDetail(); selected()?.scrollIntoView({ block: "center" }); }
    if (target.closest("#next-error")) error(1);
    if (target.closest("#previous-error")) error(-1);
    if (target.closest("#critical")) critical();
    if (target.closest("#copy-link")) target.closest("#copy-link").dataset.copy = location.href;
    const raw = target.closest("[data-raw]");
    if (raw) { event.preventDefault(); turnRaw(raw); }
    const copies = target.closest("[data-copy-url]");
    if (copies) copyFrom(copies);
  }, true);

  // ---- a tree that is fetched anew keeps what its reader did to it
  spanwise.treeState = () => ({
    shut: all().filter((row) => row.getAttribute("aria-expanded") === "false").map((row) => row.id),
    critical: $(TREE).classList.contains("critical"),
    selected: selected()?.id,
  });
  spanwise.restoreTree = ({ shut, critical: on, selected: id }) => {
    for (const each of shut) document.getElementById(each)?.setAttribute("aria-expanded", "false");
    if (on !== $(TREE).classList.contains("critical")) critical();
    const row = document.getElementById(id);
    if (row) select(row, { open: false });
    show();
  };

  // ---- errors and the critical path
  function farError(by) {
    const failed = windowed().dataset.errors.trim().split(" ").filter(Boolean).map((one) => one.split(":"));
    if (!failed.length) return;
    const here = Number(selected()?.dataset.n ?? -1);
    const [, id] = by > 0 ? failed.find(([n]) => Number(n) > here) ?? failed[0] : failed.findLast(([n]) => Number(n) < here) ?? failed.at(-1);
    const row = document.getElementById(`s-${id}`);
    if (row) { row.focus({ preventScroll: true }); return select(row); }
    const url = new URL(location.href);
    url.searchParams.set("span", id);
    spanwise.visit(url.pathname + url.search, { replace: true });
  }
  function error(by) {
    if (windowed()) return farError(by);
    const rows = all();
    const failed = rows.filter((row) => row.classList.contains("failed"));
    if (!failed.length) return;
    const here = rows.indexOf(selected());
    const next = by > 0 ? failed.find((row) => rows.indexOf(row) > here) ?? failed[0]
      : failed.findLast((row) => rows.indexOf(row) < here) ?? failed.at(-1);
    if (next.hidden) { for (const row of all()) if (row.hasAttribute("aria-expanded")) row.setAttribute("aria-expanded", "true"); show(); }
    next.focus({ preventScroll: true });
    select(next);
  }
  function critical() {
    const on = $(TREE).classList.toggle("critical");
    $("#critical").setAttribute("aria-pressed", on ? "true" : "false");
  }

  // ---- Raw and Copy fetch the text as it was sent
  async function turnRaw(link) {
    const shown = link.closest(".msg").querySelector(".shown");
    const old = shown.parentElement.querySelector(":scope > pre.raw");
    if (old) { old.remove(); shown.hidden = false; link.textContent = "Raw"; return; }
    const answer = await fetch(link.href);
    if (!answer.ok) return spanwise.toast({ text: "The text could not be fetched", bad: true });
    const pre = Object.assign(document.createElement("pre"), { className: "text raw", textContent: await answer.text() });
    shown.hidden = true;
    shown.after(pre);
    link.textContent = "Rendered";
  }
  async function copyFrom(button) {
    const text = await (await fetch(button.dataset.copyUrl)).text();
    const helper = Object.assign(document.createElement("button"), { hidden: true });
    helper.dataset.copy = text;
    document.body.append(helper);
    helper.click();
    helper.remove();
  }

  // ---- each block of code in a message has a button of its own that copies it
  function copyBlocks() {
    for (const block of document.querySelectorAll(".prose pre:not([data-copies])")) {
      block.dataset.copies = "";
      const button = Object.assign(document.createElement("button"), { type: "button", className: "copy-block", textContent: "Copy" });
      button.dataset.copy = block.textContent;
      button.setAttribute("aria-label", "Copy this block");
      block.append(button);
    }
  }
  addEventListener("htmx:after:swap", copyBlocks);
  copyBlocks();

  keys(TREE, {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), j: () => move(1), k: () => move(-1),
    ArrowRight: () => { const row = selected(); if (row?.getAttribute("aria-expanded") === "false") fold(row, false); else move(1); },
    ArrowLeft: () => {
      const row = selected();
      if (!row) return;
      if (row.getAttribute("aria-expanded") === "true") return fold(row, true);
      const rows = visible();
      const parent = rows.slice(0, rows.indexOf(row)).findLast((each) => level(each) < level(row));
      if (parent) { parent.focus({ preventScroll: true }); openSoon(parent); }
    },
    n: () => error(1), p: () => error(-1), c: critical,
    e: () => $("#annotate").click(),
    "/": () => $("#find").focus(),
    "[": () => $("#newer")?.click(), "]": () => $("#older")?.click(),
    Escape: () => {
      if ($("#main.detail-open") && matchMedia("(width < 720px)").matches) return closeDetail();
      $("#back-to-list").click();
    },
  });
  addEventListener("keydown", (event) => {
    if (event.target.id === "find" && event.key === "Escape") { event.target.value = ""; if (windowed() || "found" in event.target.dataset) findInAll(); else show(); event.target.blur(); event.preventDefault(); }
    if (event.target.id === "find" && event.key === "Enter") { const row = visible()[0]; if (row) { row.focus(); select(row); } }
    if (event.target.getAttribute?.("role") === "tab" && ["ArrowLeft", "ArrowRight"].includes(event.key) && !typing(event.target)) {
      const tabs = [...document.querySelectorAll("[role=tab]")];
      const next = tabs[tabs.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : -1)];
      if (next) { event.preventDefault(); event.stopPropagation(); next.focus(); next.click(); }
    }
  }, true);

  // After a tab was opened by key the focus would be lost with the old tabs: it goes to the new one.
  let tabHadFocus = null;
  addEventListener("htmx:before:swap", () => { tabHadFocus = document.activeElement?.getAttribute?.("role") === "tab" ? document.activeElement.id : null; });
  addEventListener("htmx:after:swap", () => {
    if (tabHadFocus) document.getElementById(tabHadFocus)?.focus();
    tabHadFocus = null;
    if (($("#find")?.value && !("found" in $("#find").dataset) && !windowed()) || $(`${TREE} [aria-expanded=false]`)) show();
  });
}
