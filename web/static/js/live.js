// Live: the server says when something was written, and the page asks for what is new of it: never under the hands of
// its reader. <… data-live="/live…"> says what to listen to; on a list data-page says where its rows are.
{
  let source = null;
  let address = "";
  let waiting = false;
  const holder = () => document.querySelector("[data-live]");

  function follow() {
    const asked = holder()?.dataset.live ?? "";
    if (asked === address) return;
    source?.close();
    source = null;
    address = asked;
    waiting = false;
    if (!asked) return;
    source = new EventSource(asked);
    source.addEventListener("changed", () => { waiting = true; look(); });
  }
  function look() {
    if (!waiting || !holder()) return;
    const paused = document.hidden || Boolean(holder().dataset.page && spanwise.reading?.());
    document.querySelector(".btn.live")?.classList.toggle("paused", paused);
    if (paused) return;
    waiting = false;
    if (holder().dataset.page) refreshList(); else refreshTrace();
  }
  setInterval(look, 500);

  const get = (url, target, swap = "innerMorph") => htmx.ajax("GET", url, { target, swap, source: target }); // the source names the block

  // ---- a list: rows that were not there slide in
  async function refreshList() {
    const rows = () => [...document.querySelectorAll("#list tbody tr")];
    const known = new Set(rows().map((row) => row.id));
    await get(holder().dataset.page, "#list");
    for (const row of rows()) {
      if (known.has(row.id)) continue;
      row.classList.add("arrived");
      row.addEventListener("animationend", () => row.classList.remove("arrived"), { once: true });
    }
  }

  // ---- a trace: its head and its tree; the span that is read stays as it is unless it was still under way
  async function refreshTrace() {
    const begun = document.querySelector("#detail .span-head[data-begun]");
    const { href } = location;
    const tree = spanwise.treeState?.();
    const from = spanwise.treeFrom?.(); // of a large tree the rows that are seen, wherever the chosen one is
    const window = new URL(href);
    if (from !== undefined) window.searchParams.set("rows", from);
    await get(window.href, "#spans");
    if (tree) spanwise.restoreTree(tree);
    if (begun?.isConnected) await get(href, "#detail");
    await get(href, "#trace_head");
  }

  addEventListener("htmx:after:swap", follow);
  addEventListener("pagehide", () => { source?.close(); source = null; address = ""; });
  addEventListener("pageshow", follow);
  follow();
}
