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
