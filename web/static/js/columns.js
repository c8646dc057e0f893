// Columns of the list are made wider by their edge; a double click gives the width back. The columns menu does the same
// by numbers. What was chosen is kept in a cookie, so that the server draws the next page with it.
{
  const NARROWEST = 40;
  const WIDEST = 1000;
  let drag = null;
  const header = (grip) => grip.closest("th");
  const column = (grip) => grip.closest("table").querySelector(`col[data-column="${CSS.escape(grip.dataset.grip)}"]`);

  function keep(table) {
    const all = [...table.querySelectorAll("col[data-column]")];
    const text = all.map((col) => col.dataset.column + (col.getAttribute("width") ? `-${col.getAttribute("width")}` : "")).join(".");
    document.cookie = `columns=${text}; path=/; max-age=31536000; samesite=lax`;
    for (const col of all) {
      const field = document.querySelector(`.columns-menu [name="width-${CSS.escape(col.dataset.column)}"]`);
      if (field) field.value = col.getAttribute("width") ?? "";
    }
  }
  addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || event.button !== 0) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    drag = { grip, x: event.clientX, width: header(grip).getBoundingClientRect().width, moved: false };
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.moved ||= Math.abs(event.clientX - drag.x) > 2;
    if (!drag.moved) return;
    column(drag.grip).setAttribute("width", Math.round(Math.min(Math.max(drag.width + event.clientX - drag.x, NARROWEST), WIDEST)));
  });
  addEventListener("pointerup", () => {
    if (drag?.moved) keep(drag.grip.closest("table"));
    drag = null;
  });
  addEventListener("pointercancel", () => { drag = null; });
  addEventListener("dblclick", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip) return;
    column(grip).removeAttribute("width");
    keep(grip.closest("table"));
  });
}
