// The dataset of the playground: one row fills the variables, all of them make an experiment, whose cost is said before.
(() => {
  const play = window.spanwise?.playground;
  const panel = play?.page.querySelector("[data-panel]");
  const over = panel?.querySelector("[data-over]");
  if (!over) return;
  const { page, variants, field, made, json, asked } = play;
  const list = panel.querySelector("[data-list]");
  const dataset = field(panel, "row_dataset");
  const expected = panel.querySelector("[data-expected]");
  const said = panel.querySelector("[data-estimated]");
  const start = over.querySelector("[type=submit]");
  const map = over.querySelector("[data-map]");
  const checks = over.querySelector("[data-checks]");
  let asking = null;
  let timer = 0;

  const box = () => list.querySelector(".play-rows");
  const chosen = (name) => list.querySelector(`[name="${name}"]`)?.value ?? "";
  const columns = () => (box()?.dataset.columns || "").split("\n").filter(Boolean);
  const address = (base, values) => {
    const url = new URL(base, location.href);
    for (const [name, value] of Object.entries(values)) if (value !== "") url.searchParams.set(name, value);
    return url;
  };

  // --- rows
  async function load(more = {}) {
    const words = document.activeElement?.name === "row_q";
    if (!dataset.value) { list.replaceChildren(); over.hidden = true; return; }
    const url = address(page.dataset.rows, {
      dataset: dataset.value, version: chosen("row_version"), split: chosen("row_split"), q: chosen("row_q"), ...more,
    });
    asking?.abort();
    asking = new AbortController();
    let html;
    try { html = await (await fetch(url, { signal: asking.signal })).text(); } catch { return; }
    list.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    over.hidden = !box();
    if (words) {
      const search = list.querySelector("[name=row_q]");
      search?.focus();
      search?.setSelectionRange(search.value.length, search.value.length);
    }
    refresh();
  }

  function names() {
    const found = new Set();
    for (const variant of variants.children) {
      const form = field(variant, "format").value;
      const pattern = form === "fstring" ? /\{([A-Za-z_]\w*)\}/g : /\{\{\s*([A-Za-z_]\w*)[^{}]*\}\}/g;
      if (form !== "none") for (const text of variant.querySelectorAll(".message-row textarea")) for (const one of text.value.matchAll(pattern)) found.add(one[1]);
    }
    return [...found];
  }

  async function pick(button) {
    const url = address(page.dataset.row, { dataset: dataset.value, version: chosen("row_version"), example: button.dataset.example });
    const reply = await fetch(url);
    if (!reply.ok) { window.spanwise.toast({ text: (await reply.text()).slice(0, 200) || "That row is gone." }); return; }
    const row = (await reply.json()).columns;
    const wanted = names();
    const area = field(page, "variables");
    if (wanted.length) {
      let before = {};
      try { before = JSON.parse(area.value || "{}"); } catch { /* what is no JSON is written over */ }
      const mapping = mapped();
      for (const name of wanted) if ((mapping[name] ?? name) in row) before[name] = row[mapping[name] ?? name];
      area.value = JSON.stringify(before, null, 2);
    } else {
      for (const variant of variants.children) {
        const users = [...variant.querySelectorAll(".message-row")].filter((one) => one.querySelector("select").value === "user");
        if (users.length) users[users.length - 1].querySelector("textarea").value = row.input;
      }
    }
    for (const one of list.querySelectorAll(".row-pick")) one.toggleAttribute("aria-current", one === button);
    expected.hidden = !row.expected;
    expected.textContent = row.expected ? `Expected: ${row.expected.slice(0, 600)}` : "";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // --- all of them
  function mapped() {
    const entries = [...map.querySelectorAll("select")].filter((one) => one.value && one.value !== one.dataset.name);
    return Object.fromEntries(entries.map((one) => [one.dataset.name, one.value]));
  }

  function drawMap() {
    const before = Object.fromEntries([...map.querySelectorAll("select")].map((one) => [one.dataset.name, one.value]));
    map.replaceChildren(...names().map((name) => {
      const label = made("label", "", "with-label");
      const select = made("select", "", "input");
      select.dataset.name = name;
      select.setAttribute("aria-label", `Column for ${name}`);
      select.append(Object.assign(made("option", "no column"), { value: "" }), ...columns().map((column) => made("option", column)));
      const wish = before[name] || name;
      select.value = columns().includes(wish) ? wish : "";
      label.append(made("code", name), made("span", "from", "faint"), select);
      return label;
    }));
  }

  function judged() {
    return [...checks.children].map((row) => ({ kind: field(row, "check").value, value: field(row, "check_value").hidden ? "" : field(row, "check_value").value })).filter((one) => one.kind);
  }

  function body(variant) {
    const one = asked(variant);
    delete one.variables;
    if (one.version === null) { delete one.version; delete one.prompt; }
    const most = Number(field(over, "most_usd").value);
    return {
      ...one,
      messages: one.messages.filter((message) => message.content || message.tool_calls),
      dataset: box().dataset.name, dataset_version: chosen("row_version"), split: chosen("row_split"),
      input: field(over, "input").value || null, mapping: mapped(), checks: judged(),
      at_once: Number(field(over, "at_once").value) || 4, ...(most > 0 ? { most_usd: most } : {}),
    };
  }

  async function send(address_, variant, signal) {
    const reply = await fetch(address_, {
      method: "POST", signal, body: JSON.stringify(body(variant)),
      headers: { "content-type": "application/json", "x-csrf-token": field(page, "csrf_token").value },
    });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(`${answer.error.message} ${answer.error.hint || ""}`);
    return answer;
  }

  const money = (usd) => `$${usd >= 0.01 || !usd ? usd.toFixed(2) : usd.toPrecision(2)}`;
  function fail(error) {
    start.disabled = true;
    said.replaceChildren(made("p", error.message, "wrong"));
  }

  function refresh() {
    clearTimeout(timer);
    if (!panel.open || !box()) return;
    drawMap();
    timer = setTimeout(estimate, 300);
  }

  async function estimate() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      for (const variant of variants.children) if (!field(variant, "model").value.trim()) throw new Error("Name a model to see what it would cost.");
      const open = [...map.querySelectorAll("select")].filter((one) => !one.value).map((one) => one.dataset.name);
      if (open.length) throw new Error(`Choose a column for ${open.join(", ")}.`);
      const all = await Promise.all([...variants.children].map((variant) => send(page.dataset.estimate, variant, signal)));
      const sum = (name) => all.reduce((total, one) => total + one[name], 0);
      const cost = all.some((one) => one.cost_usd === null) ? "unpriced" : `about ${money(all.reduce((total, one) => total + one.cost_usd, 0))}`;
      const head = made("p", "", "play-cost");
      head.append(made("b", cost), ` for ${sum("calls").toLocaleString()} calls: some ${sum("input_tokens").toLocaleString()} tokens in, ${sum("output_tokens").toLocaleString()} out`);
      const reasons = made("ul", "", "faint");
      for (const one of new Set(all.flatMap((each) => [...each.problems, ...each.rests_on]))) reasons.append(made("li", one));
      said.replaceChildren(head, reasons);
      over.querySelector("[data-start-words]").textContent = `Run ${all.length > 1 ? `${all.length} variants ` : ""}over ${all[0].rows.toLocaleString()} ${all[0].rows === 1 ? "row" : "rows"}`;
      start.disabled = false;
    } catch (error) {
      if (error.name !== "AbortError") fail(error);
    }
  }

  over.addEventListener("submit", async (event) => {
    event.preventDefault();
    start.disabled = true;
    try {
      const begun = [];
      for (const variant of variants.children) begun.push(await send(page.dataset.starts, variant));
      const to = begun.length === 2
        ? address(page.dataset.compare, { before: begun[0].id, after: begun[1].id })
        : address(begun.length === 1 ? page.dataset.experiments.replace("/experiments", begun[0].url) : page.dataset.experiments, {});
      location.assign(to);
    } catch (error) { fail(error); }
  });

  // --- what is chosen
  panel.addEventListener("change", (event) => {
    if (event.target.name === "row_dataset") { list.replaceChildren(); load(); return; }
    if (["row_version", "row_split"].includes(event.target.name)) { load(); return; }
    if (event.target.name === "check") {
      const value = event.target.closest(".play-check").querySelector("[name=check_value]");
      const takes = event.target.selectedOptions[0].dataset.takes;
      value.hidden = !takes;
      value.placeholder = takes || "";
    }
  });
  panel.addEventListener("input", (event) => {
    if (event.target.name === "row_q") { clearTimeout(timer); timer = setTimeout(load, 250); }
  });
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.example) pick(button);
    else if (button?.dataset.page) load({ page: button.dataset.page });
    else if (button && "addsCheck" in button.dataset) {
      const row = checks.lastElementChild.cloneNode(true);
      field(row, "check").value = ""; field(row, "check_value").value = ""; field(row, "check_value").hidden = true;
      checks.append(row);
      field(row, "check").focus();
    }
  });
  panel.addEventListener("toggle", () => { if (panel.open && dataset.value && !box()) load(); else refresh(); });
  page.addEventListener("input", (event) => { if (event.target.name !== "row_q") refresh(); });
  page.addEventListener("change", refresh);
  page.addEventListener("play:changed", () => { if (panel.open && dataset.value !== (box()?.dataset.id ?? "")) load(); else refresh(); });
  refresh();
})();
