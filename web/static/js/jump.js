// The box that searches and jumps: Ctrl or Cmd and K from anywhere, "/" where the page has no filter of its own;
// arrows choose, Enter goes, Esc closes. Where the top bar has no room for the box, its page is gone to.
{
  const box = () => document.getElementById("jump");
  const options = () => [...document.querySelectorAll("#found [role=option]")];
  // A list was found for one text: while that is not the text in the box, nothing of it may be gone to.
  const fresh = () => document.querySelector("#found [data-asked]")?.dataset.asked === box().value;

  function mark(option) {
    for (const each of options()) each.setAttribute("aria-selected", each === option ? "true" : "false");
    if (option) { box().setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else box()?.removeAttribute("aria-activedescendant");
  }
  function reach() {
    const input = box();
    if (input?.checkVisibility()) { input.focus(); input.select(); return; }
    document.querySelector(".jump-link")?.click();
  }
  spanwise.jump = reach;

  addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      reach();
      return;
    }
    const input = box();
    if (!input || event.target !== input) return;
    const all = fresh() ? options() : [];
    const here = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? here + 1 : here < 0 ? all.length - 1 : here - 1;
      mark(all[(next + all.length) % all.length]);
    } else if (event.key === "Enter" && here >= 0) {
      event.preventDefault();
      go(all[here], event);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (input.value) { input.value = ""; input.dispatchEvent(new Event("input", { bubbles: true })); }
      else input.blur();
    }
  }, true);
  // An option may hold no link (it would be one control within another), so it leads by itself; as links do, to a new
  // tab with Ctrl or Cmd.
  function go(option, event) {
    if (event.ctrlKey || event.metaKey) window.open(option.dataset.href, "_blank", "noopener"); else location.assign(option.dataset.href);
  }
  addEventListener("click", (event) => {
    const option = event.target.closest?.("#found [role=option]");
    if (option) go(option, event);
  });
  addEventListener("mousedown", (event) => { // the box keeps the focus, or its list would close before the click
    if (event.target.closest?.("#found [role=option]")) event.preventDefault();
  });
  addEventListener("htmx:after:swap", () => {
    const input = box();
    if (input && document.activeElement === input) mark(input.value && fresh() ? options()[0] : null);
  });
  addEventListener("focusin", ({ target }) => { if (target.id === "jump") target.setAttribute("aria-expanded", "true"); });
  addEventListener("focusout", ({ target }) => { if (target.id === "jump") target.setAttribute("aria-expanded", "false"); });
  addEventListener("input", ({ target }) => { if (target.id === "jump") mark(null); });
}
