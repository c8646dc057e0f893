// Prompts: messages are added, drafts survive a reload, j and k walk the versions, the model is asked a prompt's examples.
(() => {
  const form = document.querySelector(".prompt-form");
  window.spanwise?.keys(".prompt-split", {
    j() { step(1); },
    k() { step(-1); },
  });

  function step(by) {
    const links = [...document.querySelectorAll(".versions li a")];
    const at = links.findIndex((link) => link.hasAttribute("aria-current"));
    links[at + by]?.click();
  }

  const examples = document.querySelector(".own-examples form");
  examples?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const card = examples.closest(".own-examples");
    const [button, state] = [examples.querySelector("button"), card.querySelector("[role=status]")];
    const said = (name) => examples.querySelector(`[name=${name}]`).value.trim();
    button.disabled = true;
    state.className = "faint";
    state.textContent = "Asking…";
    try {
      await window.spanwise.events(examples.action, { version: Number(said("version")), provider: said("provider"), model: said("model") }, (one) => {
        if (one.summary) { location.reload(); return; }
        const row = card.querySelector(`tr[data-example="${one.example}"]`);
        row.querySelector(".answered").textContent = one.done ? one.done.text : one.error;
        row.querySelector(".badge").textContent = one.done ? one.verdict : "failed";
      });
    } catch (error) {
      state.className = "wrong";
      state.textContent = error.message;
      button.disabled = false;
    }
  });

  if (!form) return;
  const place = `prompt:${form.dataset.draft}`;

  const addMessage = () => {
    const rows = form.querySelectorAll(".message-row");
    const row = rows[rows.length - 1].cloneNode(true);
    const text = row.querySelector("textarea");
    text.value = "";
    text.setAttribute("aria-label", `Message ${rows.length + 1}`);
    row.querySelector("select").value = "user";
    row.querySelector("select").setAttribute("aria-label", `Role of message ${rows.length + 1}`);
    rows[rows.length - 1].after(row);
    return text;
  };
  form.querySelector("[data-adds-message]").addEventListener("click", () => addMessage().focus());

  // A draft is kept until it is published; what the server sent back after a refusal is newer than any draft.
  const fields = () => [...form.querySelectorAll("textarea, input:not([type=hidden]):not([readonly]), select")];
  const said = () => fields().map((field) => (field.type === "radio" ? field.checked : field.value));
  const began = JSON.stringify(said());
  const draft = JSON.parse(localStorage.getItem(place) || "null");
  if (draft && draft.from === began && !form.querySelector("[role=alert]")) {
    for (let missing = draft.messages - form.querySelectorAll(".message-row").length; missing > 0; missing -= 1) addMessage();
    fields().forEach((field, n) => {
      if (field.type === "radio") field.checked = draft.said[n]; else if (draft.said[n] !== undefined) field.value = draft.said[n];
    });
    if (JSON.stringify(said()) !== began) window.spanwise?.toast({ text: "Your draft is back." });
  }
  form.addEventListener("input", () => {
    const messages = form.querySelectorAll(".message-row").length;
    localStorage.setItem(place, JSON.stringify({ from: began, messages, said: said() }));
  });
  form.addEventListener("submit", () => localStorage.removeItem(place));
})();
