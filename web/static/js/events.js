// spanwise.events(url, body, take, signal): POSTs and hands each server-sent event of the answer to `take`; throws a
// sentence where the server refuses.
(() => {
  async function events(url, body, take, signal) {
    const token = document.querySelector("[name=csrf_token]")?.value ?? "";
    const reply = await fetch(url, {
      method: "POST", signal, body: JSON.stringify(body),
      headers: { "content-type": "application/json", "x-csrf-token": token },
    });
    if (!reply.ok) {
      const said = await reply.json();
      throw new Error(`${said.error.message} ${said.error.hint || ""}`);
    }
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n\n");
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data: ")) take(JSON.parse(line.slice(6)));
    }
  }

  window.spanwise.events = events;
})();
