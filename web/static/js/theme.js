// Stands in every page and runs before its first paint, so that nothing changes under the reader: that scripts run, the
// theme, the rail. Keys that are pressed before the other scripts are there wait for them.
{
  const root = document.documentElement;
  root.dataset.scripts = "";
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const asked = new URLSearchParams(location.search).get("theme") ?? kept("theme");
  if (asked === "dark" || asked === "light") root.dataset.theme = asked;
  const rail = kept("rail") ?? (matchMedia("(min-width: 1600px)").matches ? "open" : "shut");
  if (rail === "open") root.dataset.rail = "open";
  if (kept("rows") === "two") root.dataset.rows = "two";
  if (kept("facets") === "shut") root.dataset.facets = "shut";
  // What lies below the window comes with the second frame: the first need not wait for it.
  const whole = () => { root.dataset.whole = ""; };
  if (document.hidden || location.hash) whole(); else requestAnimationFrame(() => setTimeout(whole));
  const early = [];
  const wait = (event) => {
    const { key, target } = event;
    if (key.length > 1 || key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("input, textarea, select, [contenteditable]")) return;
    event.stopImmediatePropagation();
    early.push(event);
  };
  addEventListener("keydown", wait, true);
  addEventListener("DOMContentLoaded", () => {
    removeEventListener("keydown", wait, true);
    for (const event of early) (event.target.isConnected ? event.target : document.body).dispatchEvent(new KeyboardEvent("keydown", event));
  });
}
