// Highlights: passages of the answer as it is shown, chosen by mouse, touch or keyboard, and kept as quotes and offsets of
// the answer as it was sent. The two texts differ in markup only, so they are laid side by side word by word.
//   const marks = spanwise.labelMarks(() => form)  ->  {begin(), mark(), show()}
{
  const TOKEN = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;
  const BLOCKS = "p, li, pre, td, th, h1, h2, h3, h4, h5, h6, blockquote, dt, dd, summary, div";
  const tokens = (text) => [...text.matchAll(TOKEN)].map((found) => ({ text: found[0], start: found.index, end: found.index + found[0].length }));

  /** The answer on the page: its text nodes, their text as one, and its words with the place of each in what was sent. */
  function read(box, sent) {
    const pieces = [];
    let text = "";
    let block = null;
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const own = node.parentElement.closest(BLOCKS);
      if (own !== block && text) text += "\n";
      block = own;
      pieces.push({ node, start: text.length, end: text.length + node.length });
      text += node.data;
    }
    const shown = tokens(text);
    const raw = tokens(sent);
    let at = 0;
    let to = 0;
    for (const [kind, run] of spanwise.wordRuns(raw.map((one) => one.text), shown.map((one) => one.text))) {
      if (kind === "same") for (let n = 0; n < run.length; n += 1) shown[to + n].raw = raw[at + n];
      if (kind !== "ins") at += run.length;
      if (kind !== "del") to += run.length;
    }
    return { pieces, words: shown };
  }

  function labelMarks(form) {
    const answer = () => document.querySelector("#desk [data-shown]");
    const sent = () => form().querySelector("[data-answer]").value;
    const held = () => form().querySelector("[data-marks]");
    const asks = () => Boolean(held() && answer());
    const layout = () => read(answer(), sent());

    // ---- from a selection to offsets, and back
    function selected(range, { pieces }) {
      const parts = pieces.filter(({ node }) => range.intersectsNode(node)).map(({ node, start, end }) => [
        node === range.startContainer ? start + range.startOffset : start,
        node === range.endContainer ? start + range.endOffset : end,
      ]);
      return parts.length ? [parts[0][0], parts.at(-1)[1]] : [0, 0];
    }
    function passage([from, to], { words }) {
      const found = words.filter((word) => word.raw && word.end > from && word.start < to);
      if (!found.length) return null;
      const [first, last] = [found[0], found.at(-1)];
      const start = first.raw.start + Math.max(0, from - first.start);
      const end = last.raw.end - Math.max(0, last.end - to);
      return { quote: sent().slice(start, end), start, end, note: "" };
    }
    function point({ pieces }, offset, atEnd) {
      const piece = pieces.find(({ start, end }) => (atEnd ? offset > start && offset <= end : offset >= start && offset < end));
      return [piece.node, offset - piece.start];
    }
    function rangeOf(from, to, laid) {
      const range = new Range();
      range.setStart(...point(laid, from, false));
      range.setEnd(...point(laid, to, true));
      return range;
    }
    function shownAt(one, laid) {
      const text = sent();
      const moved = text.slice(one.start, one.end) === one.quote ? one.start : text.indexOf(one.quote);
      if (moved < 0) return null;
      const end = moved + one.quote.length;
      const found = laid.words.filter((word) => word.raw && word.raw.end > moved && word.raw.start < end);
      if (!found.length) return null;
      const [first, last] = [found[0], found.at(-1)];
      return rangeOf(first.start + Math.max(0, moved - first.raw.start), last.end - Math.max(0, last.raw.end - end), laid);
    }

    // ---- what is marked
    const readMarks = () => { try { return JSON.parse(held().value || "[]"); } catch { return []; } };
    function keepMarks(marks) {
      held().value = marks.length ? JSON.stringify(marks) : "";
      show();
      held().dispatchEvent(new Event("input", { bubbles: true }));
    }
    let byKey = false;
    let last = null; // a tap on a button may take the selection away first
    function current() { // events of selections come late, the selection itself does not
      const selection = getSelection();
      return selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : last;
    }
    function mark() {
      if (!asks()) return false;
      const range = current();
      const laid = layout();
      const found = range && answer().contains(range.commonAncestorContainer) ? passage(selected(range, laid), laid) : null;
      if (!found) { spanwise.toast({ text: "Select words of the answer first", seconds: 3 }); return true; }
      const marks = readMarks().filter((one) => one.start !== found.start || one.end !== found.end);
      keepMarks([...marks, found].sort((a, b) => a.start - b.start));
      getSelection().removeAllRanges();
      forget();
      return true;
    }
    function show() {
      const list = form().querySelector("[data-marks-list]");
      if (!list) { CSS.highlights?.delete("marked"); return; }
      list.replaceChildren(...readMarks().map(line));
      if (!asks() || !CSS.highlights) return;
      const laid = layout();
      CSS.highlights.set("marked", new Highlight(...readMarks().map((one) => shownAt(one, laid)).filter(Boolean)));
    }
    function line(one, at) {
      const item = document.createElement("li");
      const quote = document.createElement("q");
      quote.textContent = one.quote;
      const note = Object.assign(document.createElement("input"), { className: "input", value: one.note, placeholder: "What about it?" });
      note.setAttribute("aria-label", `Note on “${one.quote}”`);
      note.addEventListener("input", () => { const marks = readMarks(); marks[at].note = note.value; held().value = JSON.stringify(marks); });
      const gone = Object.assign(document.createElement("button"), { type: "button", className: "btn quiet", textContent: "Remove" });
      gone.setAttribute("aria-label", `Remove the mark on “${one.quote}”`);
      gone.addEventListener("click", () => keepMarks(readMarks().filter((_, other) => other !== at)));
      item.append(quote, note, gone);
      return item;
    }

    // ---- mouse and touch: a button beside what is selected
    const beside = () => document.querySelector("#desk [data-mark-here]");
    function forget() {
      last = null;
      if (beside()) beside().hidden = true;
    }
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      const inside = document.getElementById("desk") && asks() && selection.rangeCount && answer().contains(selection.anchorNode);
      if (!inside || selection.isCollapsed) {
        if (!document.activeElement?.matches?.("[data-mark], [data-mark-here]")) forget();
        return;
      }
      last = selection.getRangeAt(0).cloneRange();
      const button = beside();
      const lines = last.getClientRects();
      if (!button || !lines.length || byKey) return;
      const at = lines[lines.length - 1];
      button.hidden = false;
      button.style.setProperty("inset-block-start", `${Math.min(at.bottom + 6, innerHeight - 60)}px`);
      button.style.setProperty("inset-inline-start", `${Math.max(8, Math.min(at.right - 40, innerWidth - 110))}px`);
    });
    document.addEventListener("pointerdown", (event) => { // keeps the selection while a button is pressed
      byKey = false;
      if (event.target.closest?.("[data-mark], [data-mark-here]")) event.preventDefault();
    });
    document.addEventListener("mousedown", (event) => {
      if (event.target.closest?.("[data-mark], [data-mark-here]")) event.preventDefault();
    });
    document.addEventListener("click", (event) => { if (event.target.closest?.("#desk :is([data-mark], [data-mark-here])")) mark(); });

    // ---- keyboard: the answer has the focus, arrows choose a word, with Shift several
    let at = 0;
    let to = 0;
    function choose(laid) {
      const [from, until] = at <= to ? [at, to] : [to, at];
      const range = rangeOf(laid.words[from].start, laid.words[until].end, laid);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      range.startContainer.parentElement.scrollIntoView({ block: "nearest" });
    }
    function begin() {
      if (!asks()) return false;
      const laid = layout();
      if (!laid.words.length) { spanwise.toast({ text: "There are no words to mark", seconds: 3 }); return true; }
      byKey = true;
      answer().focus({ preventScroll: true });
      at = 0;
      to = 0;
      choose(laid);
      return true;
    }
    function nextLine(laid, step) {
      const box = (n) => rangeOf(laid.words[n].start, laid.words[n].end, laid).getBoundingClientRect();
      const here = box(to);
      let best = to;
      let top = null;
      for (let n = to + step; n >= 0 && n < laid.words.length; n += step) {
        const one = box(n);
        if (Math.abs(one.top - here.top) < 4) continue;
        top ??= one.top;
        if (Math.abs(one.top - top) >= 4) break;
        if (best === to || Math.abs(one.left - here.left) < Math.abs(box(best).left - here.left)) best = n;
      }
      return best;
    }
    const MOVES = {
      ArrowRight: (laid) => Math.min(to + 1, laid.words.length - 1), ArrowLeft: () => Math.max(to - 1, 0),
      ArrowDown: (laid) => nextLine(laid, 1), ArrowUp: (laid) => nextLine(laid, -1),
      Home: () => 0, End: (laid) => laid.words.length - 1,
    };
    document.addEventListener("keydown", (event) => {
      if (!event.target.matches?.("#desk [data-shown]") || event.ctrlKey || event.metaKey || event.altKey) return;
      const move = MOVES[event.key];
      if (move) {
        const laid = layout();
        if (!laid.words.length) return;
        to = move(laid);
        if (!event.shiftKey) at = to;
        choose(laid);
      } else if (event.key === "m" || event.key === "Enter") mark();
      else if (event.key === "Escape") { getSelection().removeAllRanges(); answer().blur(); }
      else return;
      event.preventDefault();
    });

    return { begin, mark, show };
  }

  window.spanwise.labelMarks = labelMarks;
}
