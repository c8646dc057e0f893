// The Labels tab of a span: 1 passes and saves, 2 fails and asks why, c and e go to the texts, Ctrl Enter saves.
{
  const { keys } = window.spanwise;
  const form = () => document.getElementById("annotate-form");
  const choose = (verdict) => { form().elements.verdict.value = verdict; };
  const focusOn = (name) => {
    const field = form().elements[name];
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  };
  keys("#annotate-form", {
    1: () => { choose("pass"); form().requestSubmit(); },
    2: () => { choose("fail"); focusOn("critique"); },
    c: () => focusOn("critique"),
    e: () => focusOn("expected"),
    Escape: () => (form().contains(document.activeElement) ? document.activeElement.blur() : false),
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    if (!form()?.contains(document.activeElement)) return;
    event.preventDefault();
    form().requestSubmit();
  });
}

// What is written and not yet saved outlives a reload: it is kept in the browser, span by span, until it is saved.
{
  const form = () => document.getElementById("annotate-form");
  const NAMES = ["verdict", "critique", "expected"];
  const key = () => `draft:${location.pathname}:${document.querySelector("#detail .span-head")?.dataset.span ?? ""}`;
  const values = () => Object.fromEntries(NAMES.map((name) => [name, form().elements[name]?.value ?? ""]));
  const store = (act) => { try { return act(localStorage); } catch { return null; } }; // a private window
  let sent = "";

  function keep() {
    const now = JSON.stringify(values());
    store((kept) => (now === sent ? kept.removeItem(key()) : kept.setItem(key(), now)));
  }
  function restore() {
    if (!form() || "restored" in form().dataset) return;
    form().dataset.restored = "";
    sent = JSON.stringify(values());
    const kept = JSON.parse(store((all) => all.getItem(key())) ?? "null");
    if (!kept) return;
    for (const name of NAMES) if (form().elements[name]) form().elements[name].value = kept[name] ?? "";
  }
  addEventListener("input", ({ target }) => { if (form()?.contains(target)) keep(); });
  addEventListener("submit", ({ target }) => { if (target === form()) store((kept) => kept.removeItem(key())); });
  addEventListener("htmx:error", () => { if (form()) keep(); });
  addEventListener("htmx:after:swap", restore);
  restore();
}
