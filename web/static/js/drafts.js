// What is typed into a form with data-keep and not yet sent outlives a reload: the browser keeps it until it is sent.
// A form whose fields come and go says data-keep="post": what was typed is sent back to it with do=draft, to be drawn.
{
  const storage = (act) => { try { return act(localStorage); } catch { return null; } }; // a private window
  const slot = (form) => `draft:${document.body.dataset.project}:${location.pathname}:${form.id}`;
  const SECRET = "[type=hidden], [type=password], [type=file], [type=submit], [type=button]";
  const fields = (form) => [...form.elements].filter((one) => one.name && "value" in one && !one.matches(`button, ${SECRET}`));
  const ticked = (field) => field.matches("[type=checkbox], [type=radio]");
  const typed = (form) => fields(form).map((one) => [one.name, ticked(one) ? one.checked : one.value]);
  const begun = new WeakMap();

  function keep(form) {
    const said = typed(form);
    const from = begun.get(form);
    const whole = [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
    if (JSON.stringify(said) === from) storage((kept) => kept.removeItem(slot(form)));
    else storage((kept) => kept.setItem(slot(form), JSON.stringify({ from, said, whole })));
  }
  function restore(form) {
    if (begun.has(form)) return;
    const draft = JSON.parse(storage((kept) => kept.getItem(slot(form))) ?? "null");
    // What was refused is newer than any draft, and still one of what the page began with.
    const refused = form.querySelector("[role=alert]");
    begun.set(form, refused && draft ? draft.from : JSON.stringify(typed(form)));
    if (refused) { keep(form); return; }
    if (!draft) return;
    if (draft.sent || draft.from !== begun.get(form)) { storage((kept) => kept.removeItem(slot(form))); return; }
    if (form.dataset.keep === "post") redraw(form, draft.whole); else fill(form, draft.said);
    spanwise.toast({ text: "What you had typed is back", undo: () => { storage((kept) => kept.removeItem(slot(form))); location.reload(); } });
  }
  function fill(form, said) {
    const there = fields(form);
    said.forEach(([name, value], n) => {
      const field = there[n];
      if (field?.name !== name) return;
      if (ticked(field)) field.checked = value; else field.value = value;
    });
  }
  function redraw(form, whole) {
    const sent = Object.assign(document.createElement("form"), { hidden: true });
    const token = form.querySelector("[name=csrf_token]");
    for (const [name, value] of [...whole, ["do", "draft"], ...(token ? [["csrf_token", token.value]] : [])]) {
      sent.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(sent);
    htmx.ajax("POST", form.action, { source: sent, target: `#${form.id}`, swap: "outerMorph" }).finally(() => sent.remove());
  }

  const kept = (target) => target.closest?.("form[data-keep]");
  const all = () => document.querySelectorAll("form[data-keep]").forEach(restore);
  for (const kind of ["input", "change"]) addEventListener(kind, ({ target }) => { const form = kept(target); if (form) keep(form); });
  addEventListener("submit", ({ target, submitter }) => {
    if (!kept(target) || submitter?.hasAttribute("hx-post")) return; // a question more is no sending
    const draft = JSON.parse(storage((all) => all.getItem(slot(target))) ?? "null");
    if (draft) storage((all) => all.setItem(slot(target), JSON.stringify({ ...draft, sent: true })));
  });
  addEventListener("htmx:after:swap", () => {
    for (const form of document.querySelectorAll("form[data-keep]")) if (begun.has(form)) keep(form);
    all();
  });
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", all); else all();
}
