// Why a message was decided as it was, and what would have been under another threshold or policy.
import { whatIf, why } from "./api.js";
import { $, clone, effectWord, el, part, showEffect } from "./dom.js";

const SHOWN_LABELS = 4;
const STAGES = {
  input: "as the user's input", output: "as the model's answer", "tool-call": "as a tool call",
  "tool-result": "as what a tool returned", document: "as a document",
};
let turn = null;
let changes = new Map();
let latest = 0;

const dialog = () => $("inspector");

/** Opens the inspector on a message with decisions. */
export function inspect(shown) {
  if (!shown.decisions?.length) return;
  turn = shown;
  changes = new Map();
  $("what-if-policy").value = "current";
  paint();
  dialog().showModal();
  dialog().querySelector(".card-head button").focus();
}

function paint() {
  const reasons = turn.decisions.flatMap((one) => one.reasons);
  showEffect(part($("inspector-verdict"), "effect-chip"), turn.effect);
  part($("inspector-verdict"), "verdict").textContent = verdict(reasons);
  const calls = turn.decisions.flatMap((one) => one.calls);
  $("inspector-reasons").replaceChildren(
    ...reasons.map((one) => reasonOf(one)),
    ...calls.filter((one) => one.hint).map((one) => el("li", "note", `${one.tool}: ${one.hint}`)),
  );
  $("what-if-outcome").textContent = "";
  $("what-if-outcome").removeAttribute("data-effect");
  $("what-if-reset").hidden = true;
  paintGuards(turn.decisions);
  const ms = turn.decisions.reduce((sum, one) => sum + one.elapsed_ms, 0);
  const cached = turn.decisions.some((one) => one.is_cached) ? ", remembered from before" : "";
  $("inspector-record").textContent = `Judged ${STAGES[turn.decisions[0].stage] ?? ""} in ${ms.toFixed(1)} ms${cached}. Request ${turn.recordId}.`;
}

function verdict(reasons) {
  const { effect } = turn;
  if (effect === "block" && turn.role !== "assistant") return "It was stopped before any model saw it.";
  if (effect === "block") return "It was stopped before anybody could read it. The text itself is not shown to anyone.";
  if (effect === "review") return "It waits for a person.";
  if (effect === "redact") return "It went on without the marked places.";
  if (effect === "flag") return `It went on; ${reasons.length === 1 ? "one thing was" : `${reasons.length} things were`} noted.`;
  return "No guard had anything against it.";
}

function reasonOf(reason) {
  const item = el("li");
  item.append(el("b", "", reason.name || reason.rule), el("span", "", reason.message), el("small", "", `${reason.rule}: ${effectWord(reason.effect).toLowerCase()}`));
  item.dataset.effect = reason.effect;
  return item;
}

function paintGuards(decisions) {
  // What had a say comes first, then what came nearest to one.
  const weight = (guard) => rank(guard.effect) + (guard.status === "ok" ? 0 : 5) + (guard.labels[0]?.score ?? -1) / 2;
  const guards = decisions.flatMap((one) => one.guards).sort((a, b) => weight(b) - weight(a));
  $("inspector-guards").replaceChildren(...guards.map(guardOf));
}

function guardOf(guard) {
  const root = clone("t-inspector-guard");
  part(root, "name").textContent = guard.guard;
  part(root, "about").textContent = [guard.kind === guard.guard ? "" : guard.kind, guard.backend, `${guard.elapsed_ms} ms`].filter(Boolean).join(" · ");
  showEffect(part(root, "effect-chip"), guard.effect, guard.effect === "allow" ? "Nothing" : effectWord(guard.effect));
  root.dataset.guard = `${guard.stage} ${guard.guard}`;
  const problem = part(root, "problem");
  problem.hidden = !guard.problem;
  problem.textContent = guard.problem ? `${guard.status}: ${guard.problem}. Such a failure means: ${effectWord(guard.on_error).toLowerCase()}.` : "";
  const labels = part(root, "labels");
  const rows = guard.labels.map((label) => labelOf(guard, label));
  labels.append(...(rows.length ? rows : [el("li", "note", guard.status === "ok" ? "It found nothing to score." : "It gave no score.")]));
  if (rows.length > SHOWN_LABELS) {
    const more = part(root, "more");
    rows.slice(SHOWN_LABELS).forEach((row) => (row.hidden = true));
    more.hidden = false;
    more.textContent = `${rows.length - SHOWN_LABELS} more labels`;
    more.addEventListener("click", () => {
      rows.forEach((row) => (row.hidden = false));
      more.hidden = true;
    });
  }
  return root;
}

function labelOf(guard, label) {
  const row = clone("t-inspector-label");
  const named = `${label.name}, ${guard.guard}`;
  part(row, "name").textContent = label.name === label.label ? label.name : `${label.name} (${label.label})`;
  part(row, "score").textContent = label.score.toFixed(2);
  const meter = row.querySelector("svg");
  meter.setAttribute("aria-label", `Score ${label.score.toFixed(2)}, counts from ${label.threshold.toFixed(2)}`);
  row.querySelector("rect").setAttribute("width", String(label.score * 100));
  const line = row.querySelector("line");
  const range = part(row, "threshold");
  const effect = part(row, "effect-choice");
  range.value = String(label.threshold);
  range.setAttribute("aria-label", `Threshold of ${named}`);
  effect.value = label.effect;
  effect.setAttribute("aria-label", `Effect of ${named}`);
  const show = () => {
    part(row, "shown").textContent = Number(range.value).toFixed(2);
    line.setAttribute("x1", String(range.value * 100));
    line.setAttribute("x2", String(range.value * 100));
    const hasFired = label.score >= Number(range.value) && effect.value !== "allow";
    meter.dataset.kind = hasFired ? (["review", "block"].includes(effect.value) ? "bad" : "warn") : "";
  };
  const changed = () => {
    show();
    changes.set(`${guard.stage} ${guard.guard} ${label.label}`, {
      stage: guard.stage, guard: guard.guard, label: label.label,
      threshold: Number(range.value), effect: effect.value,
    });
    decideAnew();
  };
  range.addEventListener("input", changed);
  effect.addEventListener("change", changed);
  row.dataset.label = `${guard.stage} ${guard.guard} ${label.label}`;
  row.addEventListener("decided", ({ detail }) => {
    range.value = String(detail.threshold);
    effect.value = detail.effect;
    show();
  });
  show();
  return row;
}

async function decideAnew() {
  const turnNow = turn;
  const mine = (latest += 1);
  const outcome = $("what-if-outcome");
  $("what-if-reset").hidden = false;
  let told;
  try {
    told = await whatIf(turnNow.recordId, { policy: $("what-if-policy").value, changes: [...changes.values()] });
  } catch (error) {
    if (mine !== latest) return;
    outcome.dataset.effect = "";
    outcome.textContent = why(error);
    return;
  }
  if (mine !== latest || turn !== turnNow) return;
  const own = told.decisions.filter((one) => turnNow.decisions.some((was) => was.id === one.id));
  const now = own.reduce((a, b) => (rank(b.now) > rank(a) ? b.now : a), "allow");
  outcome.dataset.effect = now;
  const change = now === turnNow.effect ? `Still ${effectWord(now).toLowerCase()}` : `${effectWord(now)} in place of ${effectWord(turnNow.effect).toLowerCase()}`;
  const isKnown = own.every((one) => one.is_known);
  outcome.textContent = `${isKnown ? change : "Not known"}. ${told.summary}`;
  $("inspector-reasons").replaceChildren(...own.flatMap((one) => one.reasons).map((one) => reasonOf(one)));
  for (const guard of own.flatMap((one) => one.guards)) {
    const root = dialog().querySelector(`[data-guard="${CSS.escape(`${guard.stage} ${guard.guard}`)}"]`);
    if (!root) continue;
    showEffect(part(root, "effect-chip"), guard.effect, guard.effect === "allow" ? "Nothing" : effectWord(guard.effect));
    // What nobody has moved shows what this policy says of it.
    for (const label of guard.labels) {
      const id = `${guard.stage} ${guard.guard} ${label.label}`;
      if (!changes.has(id)) root.querySelector(`[data-label="${CSS.escape(id)}"]`)?.dispatchEvent(new CustomEvent("decided", { detail: label }));
    }
  }
}

const rank = (effect) => ["allow", "flag", "redact", "review", "block"].indexOf(effect);

export function setUpInspector() {
  $("what-if-policy").addEventListener("change", decideAnew);
  $("what-if-reset").addEventListener("click", () => {
    changes = new Map();
    $("what-if-policy").value = "current";
    latest += 1;
    paint();
    $("what-if-policy").focus();
  });
}
