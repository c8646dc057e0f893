// What is written in the playground is kept in this browser until it is started over: a reload or a closed tab loses nothing.
(() => {
  const play = window.spanwise?.playground;
  if (!play) return;
  const { page, variants, field, addVariant, addRow, renumber } = play;
  const place = `playground:${page.dataset.draft}`;
  const NAMES = ["provider", "model", "format", "params", "tools", "output_schema", "save_as"];
  const OVER = ["repeats", "dataset", "variables", "row_dataset", "input", "at_once", "most_usd"].filter((name) => field(page, name));
  const checks = page.querySelector("[data-checks]");

  const said = () => ({
    page: Object.fromEntries(OVER.map((name) => [name, field(page, name).value])),
    checks: [...(checks?.children ?? [])].map((row) => [field(row, "check").value, field(row, "check_value").value]),
    variants: [...variants.children].map((variant) => ({
      ...Object.fromEntries(NAMES.map((name) => [name, field(variant, name).value])),
      messages: [...variant.querySelectorAll(".message-row")].map((row) => ({
        role: row.querySelector("select").value, text: row.querySelector("textarea").value, extra: row.dataset.extra || "",
      })),
    })),
  });

  function write(draft) {
    for (const name of OVER) field(page, name).value = draft.page[name] ?? "";
    if (checks && draft.checks?.length) {
      while (checks.children.length < draft.checks.length) checks.append(checks.lastElementChild.cloneNode(true));
      while (checks.children.length > draft.checks.length) checks.lastElementChild.remove();
      draft.checks.forEach(([kind, value], n) => {
        const row = checks.children[n];
        field(row, "check").value = kind;
        field(row, "check_value").value = value;
        field(row, "check_value").hidden = !field(row, "check").selectedOptions[0]?.dataset.takes;
      });
    }
    while (variants.children.length < draft.variants.length) addVariant();
    while (variants.children.length > draft.variants.length) variants.lastElementChild.remove();
    renumber();
    draft.variants.forEach((one, n) => {
      const variant = variants.children[n];
      for (const name of NAMES) field(variant, name).value = one[name] ?? "";
      while (variant.querySelectorAll(".message-row").length < one.messages.length) addRow(variant);
      [...variant.querySelectorAll(".message-row")].forEach((row, at) => {
        const message = one.messages[at];
        if (!message) { row.remove(); return; }
        row.querySelector("select").value = message.role;
        row.querySelector("textarea").value = message.text;
        row.dataset.extra = message.extra;
      });
    });
  }

  function read() {
    try { return JSON.parse(localStorage.getItem(place) || "null"); } catch { return null; }
  }
  function keep() {
    const now = said();
    try {
      if (JSON.stringify(now) === began) localStorage.removeItem(place);
      else localStorage.setItem(place, JSON.stringify({ from: began, said: now }));
    } catch { /* a private window, or no room: the page itself still has it */ }
    again.hidden = JSON.stringify(now) === began;
  }

  const again = page.querySelector("[data-again]");
  const first = said();
  const began = JSON.stringify(first);
  const draft = read();
  // What the page begins with has changed, such as a newer version: then the draft was of something else.
  if (draft?.from === began && draft.said?.variants?.length) {
    write(draft.said);
    again.hidden = false;
    window.spanwise.toast({ text: "Your draft is back.", seconds: 4 });
    page.dispatchEvent(new Event("play:changed"));
  }
  again.addEventListener("click", () => {
    const before = said();
    write(first);
    keep();
    page.dispatchEvent(new Event("play:changed"));
    window.spanwise.toast({ text: "Started over.", undo: () => { write(before); keep(); page.dispatchEvent(new Event("play:changed")); } });
  });
  for (const kind of ["input", "change", "play:changed"]) page.addEventListener(kind, keep);
})();
