// Runs before the first paint, so that nothing flashes or moves: that scripts run, the reader's theme, rail and time zone.
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

  // Times are written by the server; it knows the zone from this cookie. On the very first visit it did not.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  const cookie = `tz=${encodeURIComponent(zone)}`;
  if (!document.cookie.split("; ").includes(cookie)) {
    document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax`;
    if (!["UTC", "Etc/UTC"].includes(zone) && document.cookie.split("; ").includes(cookie)) root.dataset.zone = "new";
  }
}
