// The playground: variants side by side, each asked through the server, answers written as they come.
(() => {
  const page = document.querySelector(".playground");
  if (!page) return;
  const variants = page.querySelector(".variants");
  const field = (root, name) => root.querySelector(`[name="${name}"]`);
  const made = (tag, text = "", name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });
  let running = null;

  const json = (text, empty, what) => {
    if (!text.trim()) return empty;
    try { return JSON.parse(text); } catch (error) { throw new Error(`${what} is not JSON: ${error.message}`); }
  };
  const rows = (variant) => [...variant.querySelectorAll(".message-row")].map((row) => ({
    role: row.querySelector("select").value,
    content: row.querySelector("textarea").value,
    ...(row.dataset.extra ? JSON.parse(row.dataset.extra) : {}),
  }));
  const asked = (variant) => ({
    provider: field(variant, "provider").value,
    model: field(variant, "model").value.trim(),
    format: field(variant, "format").value,
    messages: rows(variant),
    variables: json(field(page, "variables").value, {}, "Variables"),
    params: json(field(variant, "params").value, {}, "Parameters"),
    tools: json(field(variant, "tools").value, [], "Tools"),
    output_schema: json(field(variant, "output_schema").value, null, "Output schema"),
    repeats: Number(field(page, "repeats").value) || 1,
    prompt: page.dataset.prompt,
    version: page.dataset.version ? Number(page.dataset.version) : null,
  });

  async function runOne(variant, signal) {
    const out = variant.querySelector(".answers");
    out.replaceChildren();
    const fail = (words) => out.append(Object.assign(made("p", words, "wrong"), { role: "alert" }));
    let body;
    try { body = asked(variant); } catch (error) { fail(error.message); return; }
    if (!body.model) { fail("Name a model."); return; }
    try {
      await window.spanwise.events(page.dataset.run, body, (event) => show(out, event), signal);
    } catch (error) {
      fail(error.name === "AbortError" ? "Stopped." : error instanceof TypeError ? `The server hung up: ${error.message}` : error.message);
    }
  }

  function show(out, event) {
    if (event.summary) {
      if (event.summary.flip_rate !== null) {
        const share = Math.round(event.summary.flip_rate * 100);
        out.prepend(made("p", `${event.summary.answered} of ${event.summary.runs} answered; flip rate ${share} %`, "flips"));
      }
      return;
    }
    let box = out.querySelector(`[data-n="${event.run}"]`);
    if (!box) {
      box = made("article", "", "answer");
      box.dataset.n = event.run;
      box.append(made("pre", "", "code"), made("p", "", "faint"));
      out.append(box);
    }
    const [text, foot] = box.children;
    if (event.text) text.append(event.text);
    if (event.error) { foot.className = "wrong"; foot.setAttribute("role", "alert"); foot.textContent = event.error; }
    if (event.done) finish(text, foot, event.done);
  }

  function finish(text, foot, done) {
    for (const call of done.tool_calls) text.append(`${text.textContent ? "\n" : ""}→ ${call.name}(${call.arguments})`);
    const cost = done.cost_nusd === null ? "unpriced" : `$${(done.cost_nusd / 1e9).toPrecision(2)}`;
    foot.textContent = `${done.duration_ms} ms · ${done.input_tokens ?? "—"} in, ${done.output_tokens ?? "—"} out · ${cost} · `;
    const link = Object.assign(made("a", "trace", "link"), { href: page.dataset.traces.replace("/traces/", `/traces/${done.trace_id}`) });
    const add = Object.assign(made("button", "Add to dataset", "btn quiet"), { type: "button" });
    add.addEventListener("click", () => post(page.dataset.dataset, [
      ["name", field(page, "dataset").value], ["trace_id", done.trace_id], ["span_id", done.span_id],
    ]));
    foot.append(link, " ", add);
  }

  function post(action, values) {
    const form = Object.assign(document.createElement("form"), { method: "post", action, hidden: true });
    for (const [name, value] of [["csrf_token", field(page, "csrf_token").value], ...values]) {
      form.append(Object.assign(document.createElement("textarea"), { name, value }));
    }
    document.body.append(form);
    form.requestSubmit();
  }

  async function run() {
    if (running) return;
    running = new AbortController();
    const [start, stop] = [page.querySelector("[data-runs]"), page.querySelector("[data-stops]")];
    start.disabled = true; stop.disabled = false;
    await Promise.all([...variants.children].map((variant) => runOne(variant, running.signal)));
    running = null;
    start.disabled = false; stop.disabled = true;
  }

  const renumber = () => [...variants.children].forEach((variant, n) => {
    variant.setAttribute("aria-label", `Variant ${n + 1}`);
    variant.querySelector("h2").textContent = `Variant ${n + 1}`;
  });

  function addVariant() {
    const last = variants.lastElementChild;
    const copy = last.cloneNode(true);
    const [old, fresh] = [last, copy].map((one) => one.querySelectorAll("select, textarea, input"));
    fresh.forEach((one, n) => { one.value = old[n].value; });
    copy.querySelector(".answers").replaceChildren();
    variants.append(copy);
    renumber();
    return copy;
  }

  function addRow(variant) {
    const all = variant.querySelectorAll(".message-row");
    const row = all[all.length - 1].cloneNode(true);
    row.dataset.extra = ""; row.querySelector("textarea").value = ""; row.querySelector("select").value = "user";
    row.querySelector("span")?.remove();
    variant.querySelector(".rows").append(row);
    return row;
  }

  const changed = () => page.dispatchEvent(new Event("play:changed"));
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const variant = button?.closest(".variant");
    if (!button) return;
    if ("runs" in button.dataset) run();
    else if ("stops" in button.dataset) running?.abort();
    else if ("adds" in button.dataset) { addVariant(); changed(); }
    else if ("removes" in button.dataset && variants.children.length > 1) { variant.remove(); renumber(); changed(); }
    else if ("removesRow" in button.dataset && variant.querySelectorAll(".message-row").length > 1) {
      button.closest(".message-row").remove();
      changed();
    } else if ("addsRow" in button.dataset) { addRow(variant).querySelector("textarea").focus(); changed();
    } else if ("saves" in button.dataset) {
      const values = [["name", field(variant, "save_as").value], ["kind", "chat"], ["model", field(variant, "model").value]];
      const form = field(variant, "format").value;
      values.push(["format", form === "none" ? "plain" : form]);
      for (const name of ["params", "tools", "output_schema"]) values.push([name, field(variant, name).value]);
      for (const row of rows(variant)) if (row.content) values.push(["role", row.role], ["content", row.content]);
      post(page.dataset.publish, values);
    }
  });
  window.spanwise.playground = { page, variants, field, made, json, asked, rows, addVariant, addRow, renumber };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) { event.preventDefault(); run(); }
    if (event.key === "Escape" && running) running.abort();
  });
})();
