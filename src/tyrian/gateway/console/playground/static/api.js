// The calls that the playground makes; each goes out with the key of this tab, and with no cookie.
import { ApiError, call, events } from "/static/stream.js";

const KEY = "tyrian-key";
const PATH = "/v1/playground";

export { ApiError };
export const key = () => sessionStorage.getItem(KEY) ?? "";
export const keepKey = (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY));
export const why = (error) =>
  error instanceof ApiError ? error.message : "The gateway cannot be reached. Check that it runs, then try again.";

const json = async (path, body, signal) => (await call(PATH + path, key(), body, signal)).json();

export const models = async () => (await json("/models")).data;
export const code = (body, origin) => json("/code", { body, origin });
export const record = (id) => json(`/records/${id}`);
export const whatIf = (id, wish, signal) => json(`/records/${id}/what-if`, wish, signal);
export const setups = async () => (await json("/setups")).data;
export const saveSetup = (name, setup) => json("/setups", { name, setup });
export const snapshots = async () => (await json("/snapshots")).data;
export const share = (title, days, conversation) => json("/snapshots", { title, days, conversation });

export async function remove(path) {
  const answer = await fetch(PATH + path, {
    method: "DELETE", headers: { authorization: `Bearer ${key()}` }, credentials: "omit", cache: "no-store",
  });
  if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => null));
}

/** A new key for whoever is signed in: asked for with the session, by a page of ours. */
export async function makeKey(token) {
  const answer = await fetch("/playground/key", {
    method: "POST", headers: { "x-tyrian-token": token, accept: "application/json" }, cache: "no-store",
  });
  if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => null));
  return answer.json();
}

/** A finished answer as a document, parsed by the browser without running anything in it. */
export function rendered(text) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${PATH}/render`);
    request.responseType = "document";
    request.setRequestHeader("authorization", `Bearer ${key()}`);
    request.setRequestHeader("content-type", "application/json");
    request.onload = () =>
      request.status === 200 && request.response ? resolve(request.response) : reject(new ApiError(request.status, null));
    request.onerror = () => reject(new ApiError(0, null));
    request.send(JSON.stringify({ text }));
  });
}

/** One streamed answer. `on` hears of text, refusal, call and report as they come; the figures at the end. */
export async function ask(body, signal, on) {
  const started = performance.now();
  let first = null;
  let usage = null;
  let finish = null;
  const heard = (name, ...values) => {
    first ??= performance.now() - started;
    on[name](...values);
  };
  const sent = { ...body, stream: true, stream_options: { include_usage: true } };
  const response = await call(`${PATH}/chat/completions`, key(), sent, signal);
  on.begun(response.headers.get("x-request-id"));
  let isWhole = false;
  for await (const { event, data } of events(response.body)) {
    if (data === "[DONE]") {
      isWhole = true;
      continue;
    }
    const chunk = JSON.parse(data);
    if (event === "error" || chunk.error) throw new ApiError(0, chunk);
    if (chunk.tyrian) on.report(chunk.tyrian);
    if (chunk.usage) usage = chunk.usage;
    for (const { delta, finish_reason: reason } of chunk.choices ?? []) {
      finish = reason ?? finish;
      if (delta?.content) heard("text", delta.content);
      if (delta?.refusal) heard("refusal", delta.refusal);
      for (const piece of delta?.tool_calls ?? []) heard("call", piece);
    }
  }
  if (!isWhole) throw new ApiError(0, { error: { message: "The answer broke off." } });
  const total = performance.now() - started;
  const out = usage?.completion_tokens ?? null;
  return {
    finish,
    first_ms: first,
    total_ms: total,
    input_tokens: usage?.prompt_tokens ?? null,
    output_tokens: out,
    per_second: out ? out / (total / 1000) : null,
  };
}
