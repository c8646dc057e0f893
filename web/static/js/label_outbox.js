// Label acts on their way to the server: kept in the browser until they are confirmed, sent in order, one at a time,
// repeated with a growing pause. Every act has a key, so one that is sent twice is one act.
//   const outbox = spanwise.outbox(name, {changed(state), answered(act, response), refused(act, message)})
//   outbox.put({url, fields})   outbox.empty() -> promise   outbox.size
{
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 30_000;
  const TIMEOUT_MS = 15_000;

  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (octet) => octet.toString(16).padStart(2, "0")).join("");

  function outbox(name, { changed, answered, refused }) {
    const slot = `spanwise.outbox.${name}`;
    let acts = read();
    let wait = FIRST_WAIT_MS;
    let sending = false;
    let timer = 0;
    let waiting = [];

    function read() {
      try { return JSON.parse(localStorage.getItem(slot)) ?? []; } catch { return []; }
    }
    function keep() {
      try {
        if (acts.length) localStorage.setItem(slot, JSON.stringify(acts)); else localStorage.removeItem(slot);
      } catch { /* private window: the acts still live in memory */ }
    }

    function put(act) {
      acts.push({ ...act, fields: { key: newKey(), ...act.fields } });
      keep();
      send();
    }

    async function send() {
      if (sending || !acts.length) return;
      clearTimeout(timer);
      sending = true;
      changed({ state: "saving" });
      const [act] = acts;
      let response;
      try {
        response = await post(act);
      } catch { /* no network, or no server */ }
      sending = false;
      if (response?.ok && !response.redirected) {
        done();
        await answered(act, response);
      } else if (response && response.status >= 400 && response.status < 500 && ![401, 408, 425, 429].includes(response.status)) {
        done();
        refused(act, (await message(response)) || `refused with ${response.status}`);
      } else {
        again(response?.status === 401 ? "log in again, in another tab" : "");
        return;
      }
      if (acts.length) send();
      else {
        changed({ state: "saved" });
        for (const resolve of waiting.splice(0)) resolve();
      }
    }

    function done() {
      acts.shift();
      wait = FIRST_WAIT_MS;
      keep();
    }

    function again(why) {
      changed({ state: "waiting", seconds: Math.ceil(wait / 1000), why });
      timer = setTimeout(send, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }

    async function post({ url, fields }) {
      const token = document.querySelector("input[name=csrf_token]")?.value ?? "";
      return fetch(url, {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: { "x-csrf-token": token, "HX-Request": "true", "HX-Target": "pace" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        keepalive: JSON.stringify(fields).length < 60_000, // the browser's own limit for what may outlive a page
      });
    }

    async function message(response) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      return page.querySelector("#what")?.textContent ?? "";
    }

    addEventListener("online", send);
    queueMicrotask(send); // what an earlier visit left; whoever asked for this outbox is ready by then
    return {
      put,
      get size() { return acts.length; },
      empty: () => (acts.length ? new Promise((resolve) => { waiting.push(resolve); }) : Promise.resolve()),
    };
  }

  window.spanwise.outbox = outbox;
}
