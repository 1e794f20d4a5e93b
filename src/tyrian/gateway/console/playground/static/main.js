// The playground: state first, then everything that looks at it.
import { ApiError, keepKey, key, makeKey, models, why } from "./api.js";
import { setUpCode } from "./code.js";
import { columnView } from "./column.js";
import { setUpComposer } from "./composer.js";
import { $, fault, tell, whileBusy } from "./dom.js";
import { setUpInspector } from "./inspector.js";
import { setUpSetups, setUpShare } from "./keep.js";
import { addColumn, column, createStore, MAX_COLUMNS } from "./state.js";

const asked = new URLSearchParams(location.search).getAll("model").slice(0, MAX_COLUMNS);
const start = asked.length ? asked : ["", ""];
const store = createStore({
  columns: start.map((model) => column({ model })), models: [], prompt: "", images: [], isReady: false,
});

function showKey() {
  const value = key();
  $("key-wanted").hidden = Boolean(value);
  $("key-line").hidden = !value;
  $("key-shown").textContent = value ? `${value.slice(0, 12)}…${value.slice(-4)}` : "";
}

let loaded = Promise.resolve();
const loadModels = () => (loaded = load());

async function load() {
  showKey();
  fault("key-fault", "");
  if (!key()) return store.set((state) => ({ ...state, models: [], isReady: false }));
  try {
    const found = await models();
    return store.set((state) => ({ ...state, models: found, isReady: true }));
  } catch (error) {
    if (error instanceof ApiError && [401, 403].includes(error.status)) keepKey("");
    showKey();
    $("key-wanted").hidden = false;
    fault("key-fault", why(error));
    return store.set((state) => ({ ...state, models: [], isReady: false }));
  }
}

function setUpKeys() {
  $("make-key").addEventListener("click", (event) => whileBusy(event.currentTarget, async () => {
    try {
      const made = await makeKey($("playground").dataset.token);
      keepKey(made.value);
      $("new-key-value").textContent = made.value;
      await loadModels();
      $("new-key").showModal();
      tell("Your key is made.");
    } catch (error) {
      fault("key-fault", why(error));
    }
  }));
  $("use-key").addEventListener("click", () => $("own-key").showModal());
  $("own-key").addEventListener("close", () => {
    const value = $("own-key-value").value.trim();
    $("own-key-value").value = "";
    if ($("own-key").returnValue !== "use" || !value) return;
    $("own-key").returnValue = "";
    keepKey(value);
    loadModels();
  });
  // What is shown once stays nowhere once it is closed.
  $("new-key").addEventListener("close", () => {
    $("new-key-value").textContent = "";
    $("prompt").focus();
  });
  $("forget-key").addEventListener("click", () => {
    keepKey("");
    loadModels();
    $("use-key").focus();
  });
}

function setUpBoard() {
  const views = new Map();
  store.watch((state) => state.columns.map((one) => one.id).join(), () => {
    const ids = store.get().columns.map((one) => one.id);
    for (const [id, view] of views) {
      if (ids.includes(id)) continue;
      view.close();
      views.delete(id);
    }
    for (const id of ids) {
      if (!views.has(id)) views.set(id, columnView(store, id));
      $("board").append(views.get(id).root);
    }
    $("board").dataset.count = String(ids.length);
    $("add-column").disabled = ids.length >= MAX_COLUMNS;
  });
  $("add-column").addEventListener("click", () => {
    const { columns, models: known } = store.get();
    const used = new Set(columns.map((one) => one.model));
    const { system, params, tools, schema } = columns.at(-1);
    const fresh = known.find((model) => !model.lock && !used.has(model.id));
    store.set(addColumn({ model: (fresh ?? known.find((model) => !model.lock))?.id ?? "", system, params, tools, schema }));
    $("board").lastElementChild.scrollIntoView({ block: "nearest", inline: "end" });
    tell(`Column ${store.get().columns.length} is there.`);
  });
  $("overlay").addEventListener("change", (event) => $("playground").classList.toggle("plain", !event.target.checked));
}

setUpKeys();
setUpBoard();
setUpComposer(store, () => loaded);
setUpInspector();
setUpCode(store);
setUpSetups(store);
setUpShare(store);
loadModels();
