// The dashboard: the number beside the slider follows it while it is dragged; letting go, or choosing a model, asks the
// server, and the same control has the focus in what it answers.
{
  const inProjection = (target) => target.closest?.(".projection");
  addEventListener("input", ({ target }) => {
    if (!inProjection(target) || target.type !== "range") return;
    target.form.querySelector("output").textContent = Number(target.value).toLocaleString("en");
  });
  let focused = null;
  addEventListener("change", ({ target }) => {
    if (!inProjection(target)) return;
    focused = target.name;
    target.form.requestSubmit();
  });
  addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail?.ctx?.target?.id === "dearest") return; // it comes by itself, before or after the page that was asked for
    if (focused) document.querySelector(`.projection [name="${focused}"]`)?.focus({ preventScroll: true });
    focused = null;
  });
}
