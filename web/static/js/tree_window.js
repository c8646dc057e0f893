// A tree of very many spans: the page holds the rows around what is seen, and gaps as high as the rows they stand for.
// <… class="more-rows" data-from data-until> is a gap; without scripts it is a link to its rows. <… class="rows"> is a
// block of rows, <… class="coming"> the place of blocks that are fetched or held, and put in when they are near, a few
// in each frame: more would take longer than it has, and each row that is in costs something in every frame. All rows
// are of one height: where a block is follows from its number, and the browser is not asked.
{
  const FETCHED = 240; // rows beyond the window that are fetched before they are seen
  const AROUND = 140; // and where none of the window is there, which is answered sooner
  const AHEAD = 48; // and put in, on the side that is scrolled to
  const BEHIND = 16; // and on the other
  const SPARE = 12; // rows beyond those that are taken out only with others
  const AT_ONCE = 60; // rows, which come in blocks
  const A_FRAME = 20; // rows that are put in
  const BLOCKS = 6; // blocks of one place
  const STAY = 320; // rows beyond the window that are held
  const tree = () => document.querySelector("#tree[data-windowed]:not([data-found])"); // rows that were found are all there
  const gaps = () => [...tree().querySelectorAll(".more-rows")];
  const bounds = (element) => [Number(element.dataset.from), Number(element.dataset.until)];
  // Measured once: asked for between changes it would have the browser lay all rows out anew each time.
  let height = 0;
  const rowHeight = () => (height ||= tree().querySelector("[data-n]")?.offsetHeight || 28);

  function setBounds(element, from, until) {
    element.dataset.from = from;
    element.dataset.until = until;
    element.style.blockSize = `${(until - from) * rowHeight()}px`;
  }
  function sizeGaps() {
    for (const gap of gaps()) {
      gap.classList.add("sized");
      gap.tabIndex = -1;
      setBounds(gap, ...bounds(gap));
    }
  }
  function gapLike(gap, from, until) {
    const made = gap.cloneNode(true);
    setBounds(made, from, until);
    return made;
  }
  // The places of the rows that are seen.
  function seen() {
    const { top } = tree().getBoundingClientRect();
    return [Math.floor(-top / rowHeight()), Math.ceil((innerHeight - top) / rowHeight())];
  }

  // Which rows of a gap are to be seen, a whole number of blocks; null where none is.
  function wanted(gap, [top, bottom]) {
    const [from, until] = bounds(gap);
    const reach = from < bottom && until > top ? AROUND : FETCHED;
    const [first, last] = [Math.max(from, top - reach), Math.min(until, bottom + reach)];
    if (first >= last) return null;
    if (first > from && last === until) return [Math.max(from, Math.min(first, until - AT_ONCE)), until];
    return [first, Math.min(Math.max(last, first + AT_ONCE), until)];
  }

  async function fill(gap, [first, last]) {
    const [from, until] = bounds(gap);
    const place = placeOf(first, last);
    gap.replaceWith(...(first > from ? [gapLike(gap, from, first)] : []), place, ...(last < until ? [gapLike(gap, last, until)] : []));
    const url = new URL(location.href);
    const { shut } = tree().dataset;
    url.searchParams.delete("find");
    if (shut) url.searchParams.set("shut", shut); else url.searchParams.delete("shut");
    url.searchParams.set("rows", first);
    url.searchParams.set("until", last);
    const blocks = await fetched(url);
    if (!place.isConnected || !place.matches(".coming")) return Boolean(blocks);
    if (blocks) place.replaceWith(...placesOf(blocks));
    else place.replaceWith(gapLike(gap, first, last)); // the server did not answer
    return Boolean(blocks);
  }
  function placeOf(from, until) {
    const place = Object.assign(document.createElement("div"), { className: "coming" });
    place.setAttribute("role", "none");
    setBounds(place, from, until);
    return place;
  }
  const came = new WeakMap();

  // A place for every few blocks: one that reaches beyond what is put in on both sides would never begin.
  function placesOf(blocks) {
    const places = [];
    for (let at = 0; at < blocks.length; at += BLOCKS) {
      const some = blocks.slice(at, at + BLOCKS);
      const place = placeOf(bounds(some[0])[0], bounds(some.at(-1))[1]);
      came.set(place, some);
      places.push(place);
    }
    return places;
  }

  // The rows that are put in: more of them where the next ones will be seen.
  let before = -Infinity;
  let downwards = true;
  function turn(top) {
    if (top !== before) downwards = top > before;
    before = top;
  }
  const near = ([top, bottom]) => (downwards ? [top - BEHIND, bottom + AHEAD] : [top - AHEAD, bottom + BEHIND]);

  // Puts in what came, nearest to the window first; says whether anything was.
  function settle([top, bottom]) {
    const [begin, end] = near([top, bottom]);
    let left = A_FRAME;
    for (const place of tree().querySelectorAll(".coming")) {
      const blocks = came.get(place) ?? [];
      while (left > 0 && blocks.length) {
        const [from, until] = bounds(place);
        const above = from + until < top + bottom;
        const block = blocks.at(above ? -1 : 0);
        const [first, last] = bounds(block);
        if (first > end || last < begin) break;
        if (above) place.after(blocks.pop()); else place.before(blocks.shift());
        if (blocks.length) setBounds(place, above ? from : last, above ? first : until); else place.remove();
        left -= last - first;
      }
    }
    return left < A_FRAME;
  }

  // The blocks of rows that the server answers with, null where it does not. They are not given to htmx, which takes
  // longer over them than the browser does over all else: a row is when somebody comes near it.
  async function fetched(url) {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return null;
    const made = document.createElement("div"); // a template's would be another document's, and move into this one row by row
    made.innerHTML = await answer.text();
    const blocks = [...made.querySelectorAll(".rows")];
    for (const row of made.querySelectorAll(".line")) plain.add(row);
    return blocks.length ? blocks : null;
  }
  const plain = new WeakSet();
  for (const comes of ["pointerover", "focusin", "click"]) {
    document.addEventListener(comes, ({ target }) => {
      const row = target.closest?.(".line");
      if (row && plain.delete(row)) htmx.process(row);
    }, { capture: true, passive: true });
  }

  // Rows that are not near are taken out and held, and those far away go; but not those with the focus or the chosen
  // span. Gaps side by side are one.
  function trim([top, bottom]) {
    const [begin, end] = near([top, bottom]);
    const blocks = [...tree().querySelectorAll(".rows")];
    const beyond = (block, spare) => bounds(block)[0] > end + spare || bounds(block)[1] < begin - spare;
    if (blocks.some((block) => beyond(block, SPARE))) for (const block of blocks) if (beyond(block, 0) && !needed(block)) takeOut(block);
    let any = false;
    for (const place of tree().querySelectorAll(".coming")) {
      const [from, until] = bounds(place);
      if (from <= bottom + STAY && until >= top - STAY) continue;
      place.replaceWith(gapLike(like(), from, until));
      any = true;
    }
    if (any) join();
  }
  const needed = (block) => block.matches(":focus-within") || block.querySelector("[aria-selected=true]");

  // Into the place beside it that holds others, else into one of its own.
  function takeOut(block) {
    const [from, until] = bounds(block);
    const has = (place) => place?.matches(".coming") && came.get(place)?.length < BLOCKS && came.get(place);
    const { previousElementSibling: above, nextElementSibling: below } = block;
    if (has(above)) {
      has(above).push(block);
      setBounds(above, bounds(above)[0], until);
      block.remove();
    } else if (has(below)) {
      has(below).unshift(block);
      setBounds(below, from, bounds(below)[1]);
      block.remove();
    } else {
      const place = placeOf(from, until);
      came.set(place, [block]);
      block.replaceWith(place);
    }
  }
  function join() {
    for (const gap of gaps()) {
      if (!gap.isConnected) continue;
      let [from, until] = bounds(gap);
      while (gap.nextElementSibling?.matches(".more-rows")) {
        [, until] = bounds(gap.nextElementSibling);
        gap.nextElementSibling.remove();
      }
      setBounds(gap, from, until);
    }
  }
  // A trace that is held whole has no gap to copy until rows of it go.
  function like() {
    const gap = gaps()[0] ?? Object.assign(document.createElement("a"), { className: "more-rows link sized", tabIndex: -1 });
    gap.setAttribute("role", "treeitem");
    return gap;
  }

  let busy = false;
  function look() {
    if (!tree()) return;
    const rows = seen();
    turn(rows[0]);
    fetchAround(rows);
    if (settle(rows)) soon();
    trim(rows);
  }
  async function fetchAround(rows) {
    if (busy) return;
    for (const gap of gaps()) {
      const asked = wanted(gap, rows);
      if (!asked) continue;
      busy = true;
      const filled = await fill(gap, asked);
      busy = false;
      if (filled) soon(); else setTimeout(soon, 2000);
      return;
    }
  }
  // In a frame before anything of it has changed: what is asked then is known already.
  let asked = 0;
  function soon() {
    if (!asked) asked = requestAnimationFrame(() => { asked = 0; look(); });
  }

  // Where a window begins that has all that is seen; nothing where the page has the whole tree.
  spanwise.treeFrom = () => {
    if (!tree()) return undefined;
    const [top] = seen();
    const block = [...tree().querySelectorAll(".rows")].find((one) => bounds(one)[1] > top - AHEAD);
    return block && bounds(block)[0];
  };

  // What is fetched anew around the chosen span must not move what is seen; a tree just opened begins at that span.
  const known = new WeakSet();
  let scrolled = null;
  addEventListener("htmx:before:swap", () => { scrolled = tree() ? $scroller().scrollTop : null; });
  function begin() {
    if (!tree()) return;
    sizeGaps();
    if (!known.has(tree())) {
      known.add(tree());
      if (gaps().length && tree().querySelector(".rows")?.dataset.from !== "0") tree().querySelector("[aria-selected=true]")?.scrollIntoView({ block: "center" });
    } else if (scrolled !== null) $scroller().scrollTop = scrolled;
    scrolled = null;
    if (!tree().querySelector("[tabindex='0']")) tree().querySelector("[data-n]")?.setAttribute("tabindex", "0"); // the chosen one is elsewhere
    soon();
  }
  const stacked = matchMedia("(width < 980px)"); // as the stylesheet has it: then the whole page scrolls
  const $scroller = () => document.getElementById(stacked.matches ? "main" : "spans");
  addEventListener("htmx:after:swap", begin);
  // That is said some frames after the page has changed; until then gaps of no height would be seen.
  new MutationObserver(() => { if (tree()?.querySelector(".more-rows:not(.sized)")) begin(); }).observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", () => { height = 0; if (tree()) { sizeGaps(); soon(); } });
  document.addEventListener("scroll", soon, { passive: true, capture: true });
  begin();
}
