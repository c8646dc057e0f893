// A diff by word, drawn with <ins> and <del>: spanwise.wordDiff(box, before, after) -> {added, removed}.
// spanwise.wordRuns(tokens before, tokens after) -> [["same" | "ins" | "del", tokens], ...], which highlights go by too.
{
  const MOST_WORDS = 4000; // beyond this the table of the longest common run is too large to fill on a key press

  const words = (text) => text.match(/\s+|[^\s\p{L}\p{N}]|[\p{L}\p{N}]+/gu) ?? [];
  const isWord = (token) => /[\p{L}\p{N}]/u.test(token);

  /** Return [kind, tokens] runs, kind one of "same", "ins", "del". */
  function runs(before, after) {
    let start = 0;
    let end = 0;
    while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
    while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
    const a = before.slice(start, before.length - end);
    const b = after.slice(start, after.length - end);
    const found = [["same", before.slice(0, start)]];
    if (a.length > MOST_WORDS || b.length > MOST_WORDS) found.push(["del", a], ["ins", b]);
    else found.push(...middle(a, b));
    found.push(["same", before.slice(before.length - end)]);
    return found.filter(([, tokens]) => tokens.length > 0);
  }

  function middle(a, b) {
    const width = b.length + 1;
    const common = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        common[i * width + j] = a[i] === b[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
      }
    }
    const found = [];
    const add = (kind, token) => {
      if (found.at(-1)?.[0] === kind) found.at(-1)[1].push(token); else found.push([kind, [token]]);
    };
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { add("same", a[i]); i += 1; j += 1; }
      else if (j >= b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) { add("del", a[i]); i += 1; }
      else { add("ins", b[j]); j += 1; }
    }
    return found;
  }

  function wordDiff(box, before, after) {
    const found = runs(words(before), words(after));
    const counts = { ins: 0, del: 0, same: 0 };
    box.replaceChildren(...found.map(([kind, tokens]) => {
      counts[kind] += tokens.filter(isWord).length;
      const text = tokens.join("");
      if (kind === "same") return document.createTextNode(text);
      return Object.assign(document.createElement(kind), { textContent: text });
    }));
    return { added: counts.ins, removed: counts.del };
  }

  window.spanwise.wordDiff = wordDiff;
  window.spanwise.wordRuns = runs;

  // A finished correction, such as in the Labels tab: <p data-correction="id of the answer">the correction</p>
  const drawAll = () => {
    for (const box of document.querySelectorAll("[data-correction]:not([data-drawn])")) {
      const answer = document.getElementById(box.dataset.correction);
      if (!answer) continue;
      box.dataset.drawn = "yes";
      wordDiff(box, answer.value ?? answer.textContent, box.textContent);
    }
  };
  drawAll();
  addEventListener("htmx:after:swap", drawAll);
}
