// The state of the playground: one immutable object, one way to change it, listeners by what they
// look at. Nothing here knows of the page, so that it can be tested without one.

export const MAX_COLUMNS = 6;
export const PARAMS = [
  "temperature", "top_p", "max_completion_tokens", "seed", "frequency_penalty", "presence_penalty", "stop",
];

let lastId = 0;
export const newId = (prefix) => `${prefix}${++lastId}`;

export function column(settings = {}) {
  return {
    id: newId("c"), model: "", system: "", params: {}, tools: "", schema: "",
    turns: [], figures: null, isBusy: false, ...settings,
  };
}

/** A store of one value; `watch` calls back when what its selector returns is another one. */
export function createStore(initial) {
  let state = initial;
  const watchers = new Set();
  return {
    get: () => state,
    set(change) {
      const next = change(state);
      if (Object.is(next, state)) return;
      state = next;
      for (const watcher of [...watchers]) {
        const seen = watcher.select(state);
        if (Object.is(seen, watcher.seen)) continue;
        watcher.seen = seen;
        watcher.call(seen);
      }
    },
    watch(select, call) {
      const watcher = { select, call, seen: select(state) };
      watchers.add(watcher);
      call(watcher.seen);
      return () => watchers.delete(watcher);
    },
  };
}

const edit = (list, id, change) => list.map((one) => (one.id === id ? change(one) : one));

export const changeColumn = (id, fields) => (state) => ({
  ...state,
  columns: edit(state.columns, id, (one) => ({ ...one, ...(typeof fields === "function" ? fields(one) : fields) })),
});

export const changeTurn = (columnId, turnId, fields) =>
  changeColumn(columnId, (one) => ({
    turns: edit(one.turns, turnId, (turn) => ({ ...turn, ...(typeof fields === "function" ? fields(turn) : fields) })),
  }));

export const addTurns = (columnId, ...turns) =>
  changeColumn(columnId, (one) => ({ turns: [...one.turns, ...turns] }));

export const addColumn = (settings) => (state) =>
  state.columns.length >= MAX_COLUMNS ? state : { ...state, columns: [...state.columns, column(settings)] };

export const removeColumn = (id) => (state) =>
  state.columns.length <= 1 ? state : { ...state, columns: state.columns.filter((one) => one.id !== id) };

/** Which settings of a column are not those of the first. */
export function differences(one, first) {
  if (one === first) return [];
  const found = ["system", "tools", "schema"].filter((name) => one[name].trim() !== first[name].trim());
  for (const name of PARAMS) if ((one.params[name] ?? "") !== (first.params[name] ?? "")) found.push(name);
  return found;
}

/** The settings of all columns, for saving. */
export const settingsOf = (state) => ({
  prompt: state.prompt,
  columns: state.columns.map(({ model, system, params, tools, schema }) => ({ model, system, params, tools, schema })),
});

/** Turns of a column that go on with the next request: what was stopped stays behind. */
export const history = (one) => one.turns.filter((turn) => !turn.isLeftOut && !turn.isRunning && !turn.error);

function content(turn) {
  if (!turn.images?.length) return turn.text;
  return [
    ...(turn.text ? [{ type: "text", text: turn.text }] : []),
    ...turn.images.map((url) => ({ type: "image_url", image_url: { url } })),
  ];
}

function message(turn) {
  if (turn.role === "tool") return { role: "tool", tool_call_id: turn.callId, content: turn.text };
  if (turn.role !== "assistant") return { role: turn.role, content: content(turn) };
  if (!turn.calls?.length) return { role: "assistant", content: turn.text };
  const calls = turn.calls.map(({ id, name, args }) => ({ id, type: "function", function: { name, arguments: args } }));
  return { role: "assistant", content: turn.text || null, tool_calls: calls };
}

/** The tools as written: a list of functions, bare or in the dialect's wrapping; throws where it is neither. */
export function readTools(text) {
  if (!text.trim()) return [];
  const given = JSON.parse(text);
  const list = Array.isArray(given) ? given : [given];
  return list.map((one) => {
    const wrapped = one?.type === "function" ? one : { type: "function", function: one };
    if (typeof wrapped.function?.name !== "string") throw new Error("each tool needs a `name`");
    return wrapped;
  });
}

export function readSchema(text) {
  if (!text.trim()) return null;
  const given = JSON.parse(text);
  if (given === null || typeof given !== "object" || Array.isArray(given)) throw new Error("a schema is an object");
  return given;
}

/** The request that a column would send, with the turns that it goes on from. */
export function requestOf(one, extra = []) {
  const turns = [...history(one), ...extra];
  const body = { model: one.model, messages: [] };
  if (one.system.trim()) body.messages.push({ role: "system", content: one.system });
  body.messages.push(...turns.map(message));
  for (const name of PARAMS) {
    const value = one.params[name];
    if (value !== undefined && value !== null && value !== "") body[name] = value;
  }
  const tools = readTools(one.tools);
  if (tools.length) body.tools = tools;
  const schema = readSchema(one.schema);
  if (schema) body.response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  body.stream = true;
  return { body, turns };
}
