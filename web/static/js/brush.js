// Charts over time: drag over the steps to zoom into them. A step is a rect.hit that has data-from and data-to;
// where it lies in a link, a click without a drag follows that.
{
  let drag = null;
  const CHART = ".hist .chart, .chart.brushable";
  const steps = (chart) => [...chart.querySelectorAll("[data-from]")];

  function stepAt(chart, x) {
    const all = steps(chart);
    const found = all.findIndex((step) => x <= step.getBoundingClientRect().right);
    return found < 0 ? all.length - 1 : found;
  }
  addEventListener("pointerdown", (event) => {
    const chart = event.target.closest?.(CHART);
    if (!chart || event.button !== 0 || !steps(chart).length) return;
    event.preventDefault();
    const at = stepAt(chart, event.clientX);
    drag = { chart, from: at, to: at, x: event.clientX, moved: false };
    if (!event.target.closest("a")) paint();
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.to = stepAt(drag.chart, event.clientX);
    drag.moved ||= Math.abs(event.clientX - drag.x) > 4;
    if (drag.moved) paint();
  });
  addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { chart, from, to, moved } = drag;
    drag = null;
    if (!moved && event.target.closest?.("a")) return; // the link's own click
    const all = steps(chart);
    const url = new URL(location.href);
    for (const name of ["range", "cursor", "live"]) url.searchParams.delete(name);
    url.searchParams.set("from", all[Math.min(from, to)].dataset.from);
    url.searchParams.set("to", all[Math.max(from, to)].dataset.to);
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    spanwise.visit(url.pathname + url.search);
  });
  addEventListener("pointercancel", () => { drag = null; });
  addEventListener("dragstart", (event) => { if (event.target.closest?.(CHART)) event.preventDefault(); });

  function swallow(event) {
    event.preventDefault();
    event.stopPropagation();
  }
  function paint() {
    const all = steps(drag.chart);
    const first = all[Math.min(drag.from, drag.to)], last = all[Math.max(drag.from, drag.to)];
    const group = drag.chart.querySelector(".drag");
    const x = Number(first.getAttribute("x"));
    group.querySelector("rect").setAttribute("x", x);
    group.querySelector("rect").setAttribute("width", Number(last.getAttribute("x")) + Number(last.getAttribute("width")) - x);
    group.removeAttribute("hidden");
  }
  spanwise.brushing = () => drag !== null;
}
