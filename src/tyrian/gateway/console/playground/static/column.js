// One column: its model, its settings, its conversation and its figures.
import { clone, el, part } from "./dom.js";
import { again, run, stop } from "./run.js";
import {
  changeColumn, changeTurn, differences, newId, PARAMS, readSchema, readTools, removeColumn,
} from "./state.js";
import { dollars, milliseconds, number } from "./text.js";
import { turnView } from "./turn.js";

const FIGURES = [
  ["First", (f) => milliseconds(f.first_ms), "Time until the first words of the answer came"],
  ["Answer", (f) => milliseconds(f.total_ms), "Until the answer was whole"],
  ["Tokens", (f) => (f.input_tokens === null ? "–" : `${number(f.input_tokens)} + ${number(f.output_tokens)}`), "In and out"],
  ["Speed", (f) => (f.per_second === null ? "–" : `${number(f.per_second, 1)}/s`), "Tokens of the answer by the time of the whole request"],
  ["Cost", (f) => dollars(f.cost_usd), "By the price of the model, where it has one"],
];
const READERS = { tools: readTools, schema: readSchema };

export function columnView(store, id) {
  const root = clone("t-column");
  const choice = part(root, "model-choice");
  const turns = part(root, "turns");
  const empty = turns.firstElementChild;
  const views = new Map();
  const find = (state) => state.columns.find((one) => one.id === id);
  const place = () => store.get().columns.findIndex((one) => one.id === id) + 1;
  const name = () => find(store.get())?.model || "Model";
  const change = (fields) => store.set(changeColumn(id, fields));
  let isAtEnd = true;

  label(root, id);
  choice.addEventListener("change", () => change({ model: choice.value }));
  part(root, "remove").addEventListener("click", () => {
    stop(id);
    store.set(removeColumn(id));
    document.getElementById("add-column").focus();
  });
  part(root, "stop").addEventListener("click", () => stop(id));
  part(root, "again").addEventListener("click", () => again(store, id));
  part(root, "copy-settings").addEventListener("click", () => {
    const { system, params, tools, schema } = find(store.get());
    store.set((state) => ({ ...state, columns: state.columns.map((one) => ({ ...one, system, params, tools, schema })) }));
  });
  for (const field of root.querySelectorAll("[data-field]")) {
    field.addEventListener("input", () => change({ [field.dataset.field]: field.value }));
  }
  for (const field of root.querySelectorAll("[data-param]")) {
    field.addEventListener("input", () => {
      const isNumber = field.type === "number";
      const value = field.value === "" ? undefined : isNumber ? field.valueAsNumber : field.value;
      change((one) => ({ params: { ...one.params, [field.dataset.param]: Number.isNaN(value) ? undefined : value } }));
    });
  }
  turns.addEventListener("scroll", () => {
    isAtEnd = turns.scrollHeight - turns.scrollTop - turns.clientHeight < 48;
  }, { passive: true });
  const follow = () => {
    if (isAtEnd) turns.scrollTop = turns.scrollHeight;
  };
  // After the layout of a frame, and only for a message that has grown: nothing is laid out twice.
  const growing = new ResizeObserver(follow);

  function paintModels(models) {
    const one = find(store.get());
    const options = models.map((model) => {
      const option = new Option(model.lock ? `${model.id} (locked)` : model.id, model.id);
      option.disabled = Boolean(model.lock);
      option.title = model.lock?.message ?? "";
      return option;
    });
    if (!options.length) options.push(new Option("No models yet", ""));
    if (one.model && !models.some((model) => model.id === one.model)) options.unshift(new Option(one.model, one.model));
    choice.replaceChildren(...options);
    choice.value = one.model || (models.find((model) => !model.lock)?.id ?? "");
    if (choice.value !== one.model && choice.value) change({ model: choice.value });
  }

  function paintSettings(one, first) {
    if (choice.value !== one.model && [...choice.options].some((option) => option.value === one.model)) choice.value = one.model;
    for (const field of root.querySelectorAll("[data-field]")) {
      const value = one[field.dataset.field];
      if (field.value !== value) field.value = value;
      const read = READERS[field.dataset.field];
      if (read) showFault(field, faultOf(read, value));
    }
    for (const field of root.querySelectorAll("[data-param]")) {
      const value = one.params[field.dataset.param];
      if (document.activeElement !== field) field.value = value ?? "";
    }
    const found = differences(one, first);
    const own = PARAMS.filter((param) => one.params[param] !== undefined && one.params[param] !== null).length
      + ["system", "tools", "schema"].filter((field) => one[field].trim()).length;
    const chip = part(root, "differs");
    chip.hidden = one === first ? !own : !found.length;
    chip.textContent = one === first ? `${own} set` : `${found.length} unlike column 1`;
    chip.title = found.join(", ");
    part(root, "copy-settings").hidden = store.get().columns.length < 2;
  }

  function showFault(field, text) {
    const line = root.querySelector(`[data-fault="${field.dataset.field}"]`);
    line.hidden = !text;
    line.textContent = text;
    field.toggleAttribute("aria-invalid", Boolean(text));
    if (text) field.setAttribute("aria-invalid", "true");
  }

  function paintTurns(list) {
    const ids = new Set(list.map((turn) => turn.id));
    for (const [turnId, view] of views) {
      if (ids.has(turnId)) continue;
      growing.unobserve(view.root);
      view.root.remove();
      views.delete(turnId);
    }
    empty.hidden = list.length > 0;
    for (const turn of list) {
      let view = views.get(turn.id);
      if (!view) {
        view = turnView({ name }, sendResults);
        views.set(turn.id, view);
        turns.append(view.root);
        growing.observe(view.root);
      }
      view.update(turn);
    }
    follow();
  }

  function sendResults(turn, results) {
    store.set(changeTurn(id, turn.id, { isAnswered: true }));
    run(store, id, results.map((one) => ({ id: newId("t"), role: "tool", ...one })));
  }

  function paintFigures(figures) {
    const list = part(root, "figures");
    list.replaceChildren(...FIGURES.map(([title, show, about]) => {
      const pair = el("div");
      pair.title = about;
      pair.append(el("dt", "", title), el("dd", "", figures ? show(figures) : "–"));
      return pair;
    }));
  }

  const unwatch = [
    store.watch((state) => state.models, paintModels),
    store.watch((state) => state.columns, (columns) => {
      const one = find({ columns });
      if (!one) return;
      const title = `Column ${place()}: ${one.model || "no model"}`;
      part(root, "title").textContent = title;
      turns.setAttribute("aria-label", `Conversation of column ${place()}`);
      choice.setAttribute("aria-label", `Model of column ${place()}`);
      const remove = part(root, "remove");
      remove.setAttribute("aria-label", `Remove column ${place()}`);
      remove.hidden = columns.length < 2;
      part(root, "stop").hidden = !one.isBusy;
      part(root, "stop").setAttribute("aria-label", `Stop column ${place()}`);
      part(root, "again").hidden = one.isBusy || !one.turns.length;
      root.classList.toggle("busy", one.isBusy);
      paintSettings(one, columns[0]);
    }),
    store.watch((state) => find(state)?.turns, (list) => list && paintTurns(list)),
    store.watch((state) => find(state)?.figures, paintFigures),
  ];
  return {
    root,
    close() {
      for (const end of unwatch) end();
      growing.disconnect();
      root.remove();
    },
  };
}

function faultOf(read, text) {
  try {
    read(text);
    return "";
  } catch (error) {
    return error instanceof SyntaxError ? "This is not JSON yet." : `Not usable: ${error.message}.`;
  }
}

/** Labels of a template get the ids that tie them to their fields. */
function label(root, id) {
  for (const field of root.querySelectorAll(".field")) {
    const input = field.querySelector("input, textarea, select");
    input.id = `${id}-${input.dataset.field ?? input.dataset.param}`;
    field.querySelector("label").htmlFor = input.id;
    const fault = field.querySelector("[data-fault]");
    if (fault) {
      fault.id = `${input.id}-fault`;
      input.setAttribute("aria-describedby", fault.id);
    }
  }
}
