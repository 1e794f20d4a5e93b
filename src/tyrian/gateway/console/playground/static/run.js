// Sends a column's request, and keeps what comes back: text while it streams, decisions at its end.
import { ApiError, ask, record, why } from "./api.js";
import { addTurns, changeColumn, changeTurn, newId, requestOf } from "./state.js";

const running = new Map();
/** Where the text of a running answer goes; set by the page, so that no state changes per token. */
export const live = new Map();

const ORDER = ["allow", "flag", "redact", "review", "block"];
export const greatest = (effects) => effects.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a), "allow");

export const stop = (columnId) => running.get(columnId)?.abort();

/** Asks with further turns at the end of the column; an answer comes behind them. */
export async function run(store, columnId, turns) {
  const one = store.get().columns.find((column) => column.id === columnId);
  if (!one || running.has(columnId)) return;
  const { body, turns: sent } = requestOf(one, turns);
  const answer = { id: newId("t"), role: "assistant", text: "", refusal: "", calls: [], isRunning: true };
  const abort = new AbortController();
  running.set(columnId, abort);
  store.set(addTurns(columnId, ...turns, answer));
  store.set(changeColumn(columnId, { isBusy: true, figures: null }));
  const said = { text: "", refusal: "", calls: [], requestId: null, report: null };
  const done = { isRunning: false };
  let figures = null;
  try {
    figures = await ask(body, abort.signal, {
      begun: (id) => (said.requestId = id),
      text: (text) => {
        said.text += text;
        live.get(answer.id)?.(text);
      },
      refusal: (text) => {
        said.refusal += text;
        live.get(answer.id)?.(text);
      },
      call: (piece) => addPiece(said.calls, piece),
      report: (report) => (said.report = report),
    });
    done.finish = figures.finish;
  } catch (error) {
    if (abort.signal.aborted) done.isStopped = true;
    else done.error = why(error);
    // A guard that could not judge says so in the answer itself.
    if (error instanceof ApiError && error.report) said.report = error.report;
  }
  running.delete(columnId);
  const isRefused = Boolean(said.refusal) && !said.text;
  store.set(changeTurn(columnId, answer.id, {
    ...done, ...said, effect: said.report?.effect ?? null, isLeftOut: isRefused,
  }));
  store.set(changeColumn(columnId, { isBusy: false, figures: figures && priced(store.get(), one.model, figures) }));
  // Of what was stopped there is no whole record.
  if (said.requestId && !done.isStopped) await show(store, columnId, said.requestId, body, sent, answer.id);
}

function addPiece(calls, { index = 0, id, function: made }) {
  calls[index] ??= { id: "", name: "", args: "" };
  calls[index].id ||= id ?? "";
  calls[index].name += made?.name ?? "";
  calls[index].args += made?.arguments ?? "";
}

function priced(state, model, figures) {
  const price = state.models.find((one) => one.id === model)?.price;
  if (!price || figures.input_tokens === null || figures.output_tokens === null) return { ...figures, cost_usd: null };
  const cost = (figures.input_tokens * price.input + figures.output_tokens * price.output) / 1e6;
  return { ...figures, cost_usd: cost };
}

/** Puts each decision of a request to the message that it is about. */
async function show(store, columnId, requestId, body, sent, answerId) {
  let found;
  try {
    found = await record(requestId);
  } catch {
    return;
  }
  const first = body.messages.length - sent.length;
  const byTurn = new Map();
  for (const decision of found.decisions) {
    const id = decision.message === null ? answerId : sent[decision.message - first]?.id;
    if (id) byTurn.set(id, [...(byTurn.get(id) ?? []), decision]);
  }
  for (const [id, decisions] of byTurn) {
    const effect = greatest(decisions.map((one) => one.effect));
    const isStopped = ["review", "block"].includes(effect);
    store.set(changeTurn(columnId, id, (turn) => ({
      decisions, effect, recordId: found.id, isLeftOut: turn.isLeftOut || isStopped,
    })));
  }
}

/** Asks the last question again, in the place of its answer. */
export function again(store, columnId) {
  const one = store.get().columns.find((column) => column.id === columnId);
  const last = one?.turns.findLastIndex((turn) => turn.role !== "assistant") ?? -1;
  if (last < 0) return;
  let begin = last;
  while (begin > 0 && one.turns[begin - 1].role === one.turns[last].role && one.turns[last].role === "tool") begin -= 1;
  const asked = one.turns.slice(begin, last + 1).map((turn) => ({ ...turn, id: newId("t"), isLeftOut: false }));
  store.set(changeColumn(columnId, { turns: one.turns.slice(0, begin) }));
  return run(store, columnId, asked);
}

