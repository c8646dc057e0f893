// The questions of one item as its form holds them: what is answered, what is missing, highlights, and moving between.
//   spanwise.labelFields(() => form)  ->  {values(), fill(values), lead(), missing(), says(), choose(n), move(step), goto(key), ...}
{
  const SKIPPED = ["csrf_token", "key", "version", "older"];

  function labelFields(form) {
    const asks = () => [...form().querySelectorAll(".ask")];
    const leading = () => form().querySelector(".ask[data-lead]");
    const radios = (ask) => [...ask.querySelectorAll("input[type=radio]")];
    const here = () => document.activeElement?.closest?.("#verdict .ask") ?? leading();

    function values() {
      const said = {};
      for (const [name, value] of new FormData(form())) if (!SKIPPED.includes(name)) said[name] = value;
      return said;
    }
    function fill(said) {
      for (const element of form().elements) {
        if (!element.name || SKIPPED.includes(element.name) || element.tagName === "BUTTON") continue;
        if (element.type === "radio") element.checked = said[element.name] === element.value;
        else element.value = said[element.name] ?? "";
      }
      showMarks();
    }
    const chosen = () => radios(leading()).find((radio) => radio.checked)?.value ?? "";
    const set = (value) => { for (const radio of radios(leading())) radio.checked = radio.value === value; };
    const corrected = () => {
      const field = form().querySelector("[data-expected]");
      const given = form().querySelector("[data-answer]");
      return Boolean(field && field.value.trim() && field.value.trim() !== given.value.trim());
    };
    function answered(ask) {
      const choices = radios(ask);
      if (choices.length) return choices.some((radio) => radio.checked);
      const marks = ask.querySelector("[data-marks]");
      if (marks) return marks.value !== "" && marks.value !== "[]";
      if (ask.querySelector("[data-expected]")) return corrected();
      return ask.querySelector("textarea, input")?.value.trim() !== "";
    }
    const why = (ask) => ask.querySelector(".why-not textarea")?.value.trim() ?? "";
    /** Whether the form says anything at all. */
    const says = () => asks().some((ask) => answered(ask) || why(ask));
    /** The first question that has to be answered and is not; a critique or a correction alone answers the leading one. */
    const missing = () => asks().find((ask) => {
      if (!("required" in ask.dataset) || answered(ask)) return false;
      return !("lead" in ask.dataset && (why(ask) || corrected()));
    });
    const invalid = () => form().querySelector("input:invalid, textarea:invalid");

    function focusOn(field) {
      if (!field) return false;
      field.focus({ preventScroll: true });
      field.scrollIntoView({ block: "center" });
      if (field.tagName === "TEXTAREA" && !("marksText" in field.dataset)) field.setSelectionRange(field.value.length, field.value.length);
      return true;
    }
    const first = (ask) => ask.querySelector("input:checked, input:not([type=hidden]), textarea");
    function move(step) {
      if (document.activeElement?.type === "radio" && document.activeElement.closest(".failed-steps")) return false;
      const all = asks();
      const at = all.indexOf(here());
      const inside = document.activeElement?.closest?.("#verdict .ask");
      return focusOn(first(all[inside ? at + step : 0] ?? all[at]));
    }
    const goto = (key) => focusOn(form().querySelector(`[data-goto="${CSS.escape(key)}"]`));

    // ---- highlights
    const marksOf = () => form().querySelector("[data-marks]");
    const readMarks = () => { try { return JSON.parse(marksOf().value || "[]"); } catch { return []; } };
    function keepMarks(marks) {
      marksOf().value = marks.length ? JSON.stringify(marks) : "";
      showMarks();
      marksOf().dispatchEvent(new Event("input", { bubbles: true }));
    }
    function mark() {
      const text = form().querySelector("[data-marks-text]");
      if (!text) return false;
      const { selectionStart: start, selectionEnd: end } = text;
      if (start === end) { window.spanwise.toast({ text: "Select words of the answer first", seconds: 3 }); return true; }
      const marks = readMarks().filter((one) => one.start !== start || one.end !== end);
      marks.push({ quote: text.value.slice(start, end), start, end, note: "" });
      keepMarks(marks.sort((a, b) => a.start - b.start));
      return true;
    }
    function showMarks() {
      const list = form().querySelector("[data-marks-list]");
      if (!list) return;
      list.replaceChildren(...readMarks().map((one, at) => {
        const line = document.createElement("li");
        const quote = document.createElement("q");
        quote.textContent = one.quote;
        const note = Object.assign(document.createElement("input"), { className: "input", value: one.note, placeholder: "What about it?" });
        note.setAttribute("aria-label", `Note on “${one.quote}”`);
        note.addEventListener("input", () => { const marks = readMarks(); marks[at].note = note.value; marksOf().value = JSON.stringify(marks); });
        const gone = Object.assign(document.createElement("button"), { type: "button", className: "btn quiet", textContent: "Remove" });
        gone.setAttribute("aria-label", `Remove the mark on “${one.quote}”`);
        gone.addEventListener("click", () => keepMarks(readMarks().filter((_, other) => other !== at)));
        line.append(quote, note, gone);
        return line;
      }));
    }
    // Not readonly, because then there is no caret to select with by keyboard; what would change it is not let through.
    addEventListener("beforeinput", (event) => { if (event.target.matches?.("[data-marks-text]")) event.preventDefault(); });
    addEventListener("click", (event) => { if (event.target.closest?.("#verdict [data-mark]")) mark(); });
    addEventListener("keydown", (event) => {
      if (!event.target.matches?.("#verdict [data-marks-text]") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "m" || event.key === "Enter") { event.preventDefault(); mark(); }
    });

    return { values, fill, chosen, set, says, missing, invalid, first, focusOn, goto, move, here, radios, leading, mark, showMarks };
  }

  window.spanwise.labelFields = labelFields;
}
