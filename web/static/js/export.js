// Says how far a file of traces is while the browser downloads it; without this the browser's own list of downloads does.
{
  const EVERY_MS = 400;
  const LATEST_MS = 3000; // an export that the server does not know by then will not begin
  const number = (n) => n.toLocaleString("en");

  addEventListener("click", (event) => {
    const anchor = event.target instanceof Element && event.target.closest("a[data-export]");
    if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const file = new URL(anchor.href);
    file.searchParams.set("progress", id);
    if ("chosen" in anchor.dataset) {
      const chosen = [...document.querySelectorAll("tbody :is([name=trace_id], [name=session_id]):checked")];
      const of = chosen[0]?.name === "session_id" ? "session" : "trace";
      file.searchParams.set("filter", `${of}:${chosen.map((box) => JSON.stringify(box.value)).join(",")}`);
    }
    const where = new URL(anchor.dataset.export, location.href);
    where.pathname += id;
    event.preventDefault();
    anchor.closest("details").open = false;
    const fetches = Object.assign(document.createElement("a"), { href: file.href, download: "" });
    document.body.append(fetches);
    fetches.click();
    fetches.remove();
    follow(where, anchor.dataset.of ?? "trace");
  });

  async function follow(where, one) {
    const line = spanwise.toast({ text: "The export begins", seconds: 86400 });
    const begun = performance.now();
    for (;;) {
      await new Promise((wake) => setTimeout(wake, EVERY_MS));
      const run = await asked(where);
      if (run === null && performance.now() - begun < LATEST_MS) continue;
      if (run?.state === "running") { line.say(words(run, one)); continue; }
      line.close();
      if (run?.state === "done") spanwise.toast({ text: `${number(run.done)} ${run.done === 1 ? one : `${one}s`} exported` });
      else spanwise.toast({ text: run ? `The export stopped after ${number(run.done)} ${one}s; the file is not whole` : "The export did not begin", bad: true });
      return;
    }
  }
  const words = (run, one) => `Exporting: ${number(run.done)} of ${run.exact ? "" : "more than "}${number(run.of)} ${one}s`;
  async function asked(where) {
    try {
      const answer = await fetch(where);
      return answer.ok ? await answer.json() : null;
    } catch { return null; }
  }
}
