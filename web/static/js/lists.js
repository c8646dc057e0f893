// Lists of any kind by keyboard: j and k move through the links that begin the rows, Enter opens, / goes to the filter.
// The keys of the page's own scripts go first.
{
  const LINKS = "main tbody tr > :first-child a[href], main .pairs a";
  const links = () => [...document.querySelectorAll(LINKS)].filter((link) => link.offsetParent);
  function move(by) {
    const all = links();
    if (!all.length) return false;
    const here = all.indexOf(document.activeElement);
    const link = all[here < 0 ? 0 : Math.min(Math.max(here + by, 0), all.length - 1)];
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
  }
  spanwise.keys("main", {
    j: () => move(1), k: () => move(-1),
    "/": () => { const box = document.querySelector("main :is(#q, input[type=search], input[name=q])"); if (!box) return false; box.focus(); box.select(); },
  }, { last: true });
}

// The link of a row lies over all its cells. What a cell would say to who points at it, the link says in its place.
document.addEventListener("mousemove", ({ target, clientX, clientY }) => {
  const link = target.closest?.(".table .row-link");
  if (!link) return;
  const row = link.closest("tr");
  const said = document.elementsFromPoint(clientX, clientY).find((one) => one !== link && one.title && row.contains(one));
  if (link.title !== (said?.title ?? "")) link.title = said?.title ?? "";
}, { passive: true });
