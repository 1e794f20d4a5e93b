// The request of a column as code. Written by the server; shown as text.
import { code, key, why } from "./api.js";
import { $ } from "./dom.js";
import { requestOf } from "./state.js";

export function setUpCode(store) {
  const dialog = $("code");
  let told = {};

  async function load() {
    const one = store.get().columns.find((column) => column.id === $("code-column").value);
    const { prompt, images } = store.get();
    const pending = prompt.trim() || images.length ? [{ role: "user", text: prompt, images }] : [];
    try {
      const { body } = requestOf(one, pending);
      if (!body.messages.some((message) => message.role !== "system")) {
        // What was stopped is left out of what follows, but it is what people want to see as code.
        const last = one.turns.findLast((turn) => turn.role === "user");
        body.messages.push({ role: "user", content: last?.text || "Hello" });
      }
      if (body.messages.at(-1).role === "assistant") body.messages.pop();
      told = await code(body, location.origin);
    } catch (error) {
      told = Object.fromEntries(["curl", "openai", "llama", "langchain"].map((name) => [name, error instanceof SyntaxError ? "The tools or the schema of this column are not JSON." : why(error)]));
    }
    show();
  }
  const show = () => ($("code-text").textContent = told[$("code-language").value] ?? "");

  $("open-code").addEventListener("click", () => {
    const options = store.get().columns.map((one, i) => new Option(`${i + 1}: ${one.model || "no model"}`, one.id));
    $("code-column").replaceChildren(...options);
    dialog.showModal();
    load();
  });
  $("code-column").addEventListener("change", load);
  $("code-language").addEventListener("change", show);
  $("copy-export").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(`export TYRIAN_API_KEY=${key()}`);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser does not let pages copy here";
    }
  });
}
