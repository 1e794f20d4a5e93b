// Lists what waits for a person and takes their answer. Whatever a model wrote is put in as text.
import { ApiError, call } from "./stream.js";

const KEY = "tyrian-admin-key";
const EVERY_MS = 5000;

const $ = (id) => document.getElementById(id);
let timer = null;
const shown = new Map();

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Characters that hide, or that turn the direction of writing, are shown by their numbers. */
function visible(text) {
  return text.replace(/[^\P{C}\n]|[\u115f\u1160\u3164\uffa0]/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}

function note(text, kind = "") {
  $("key-note").textContent = text;
  $("key-note").dataset.kind = kind;
}

function fact(list, name, value) {
  if (!value) return;
  const pair = document.createElement("div");
  pair.append(element("dt", "", name), element("dd", "", visible(value)));
  list.append(pair);
}

function showCall(asked) {
  const box = element("div", "call");
  const facts = element("dl", "facts");
  box.append(element("h3", "", `${visible(asked.tool)} (${asked.effect} by ${asked.rule})`));
  box.append(element("pre", "canonical", visible(JSON.stringify(asked.canonical ?? asked.arguments, null, 2))));
  fact(facts, "Why", asked.reason);
  fact(facts, "Quotes", asked.sources.join(", "));
  fact(facts, "Holds", asked.labels.join(", "));
  fact(facts, "As the model wrote it", asked.arguments);
  box.append(facts);
  return box;
}

function show(review) {
  const item = element("li", "card");
  item.dataset.id = review.id;
  item.append(element("h2", "", review.id));
  for (const asked of review.calls) item.append(showCall(asked));
  const facts = element("dl", "facts");
  fact(facts, "Rules", review.reasons.map((reason) => `${reason.rule}: ${reason.message}`).join("; "));
  fact(facts, "From", `${review.key_id}, ${review.request_id}`);
  fact(facts, "Until", new Date(review.expires_at * 1000).toLocaleString());
  item.append(facts);
  const actions = element("div", "actions");
  for (const [decision, word] of [["refuse", "Refuse"], ["approve", "Approve"]]) {
    const button = element("button", decision, word);
    button.type = "button";
    button.addEventListener("click", () => decide(review.id, decision));
    actions.append(button);
  }
  item.append(actions);
  return item;
}

async function decide(id, decision) {
  const item = shown.get(id);
  for (const button of item.querySelectorAll("button")) button.disabled = true;
  try {
    await call(`/v1/reviews/${id}`, key(), { decision });
    note(`${id}: ${decision === "approve" ? "approved" : "refused"}.`);
  } catch (error) {
    note(error instanceof ApiError ? error.message : "The gateway cannot be reached.", "error");
  }
  await refresh(true);
}

const key = () => $("key").value.trim();

/** Only what has come or gone is changed, so that nothing moves under the hand that decides. */
async function refresh(isQuiet = false) {
  clearTimeout(timer);
  if (!key()) return;
  sessionStorage.setItem(KEY, key());
  try {
    const { data } = await (await call("/v1/reviews?status=pending", key())).json();
    const ids = new Set(data.map((review) => review.id));
    for (const [id, item] of shown) {
      if (ids.has(id)) continue;
      item.remove();
      shown.delete(id);
    }
    for (const review of data) {
      if (shown.has(review.id)) continue;
      const item = show(review);
      shown.set(review.id, item);
      $("reviews").append(item);
    }
    $("count").textContent = data.length === 1 ? "1 review waits" : `${data.length} reviews wait`;
    if (!isQuiet) note("Stays in this tab. An agent's own key cannot decide.");
    timer = setTimeout(() => refresh(true), EVERY_MS);
  } catch (error) {
    note(error instanceof ApiError ? error.message : "The gateway cannot be reached.", "error");
  }
}

$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
$("key").value = sessionStorage.getItem(KEY) ?? "";
refresh();
