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
      marks.show();
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
      const held = ask.querySelector("[data-marks]");
      if (held) return held.value !== "" && held.value !== "[]";
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
      if (field.tagName === "TEXTAREA") field.setSelectionRange(field.value.length, field.value.length);
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
    function goto(key) {
      const field = form().querySelector(`[data-goto="${CSS.escape(key)}"]`);
      return field?.matches("[data-mark]") ? marks.begin() : focusOn(field);
    }

    // ---- highlights, in label_marks.js
    const marks = window.spanwise.labelMarks(form);

    return { values, fill, chosen, set, says, missing, invalid, first, focusOn, goto, move, here, radios, leading, mark: marks.mark, showMarks: marks.show };
  }

  window.spanwise.labelFields = labelFields;
}
