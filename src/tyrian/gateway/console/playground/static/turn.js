// One message: what was said, what the guards made of it, and where in it they found something.
import { clone, effectWord, el, onFrame, part, showEffect } from "./dom.js";
import { inspect } from "./inspector.js";
import { elements } from "./markdown.js";
import { live } from "./run.js";
import { length, pieces, visible } from "./text.js";

const WHO = { user: "You", assistant: "Model", tool: "Tool" };

export const segments = (turn) => [turn.text || turn.refusal, ...(turn.calls ?? []).map((call) => call.args)].filter(Boolean);

function placesOf(turn) {
  const text = segments(turn).join("\n");
  const decisions = (turn.decisions ?? []).filter((one) => one.message !== null || one.length === length(text));
  return decisions.flatMap((one) => one.places ?? []);
}

function marked(text, places) {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(text, places)) {
    const shown = visible(piece.text);
    const [first] = piece.places;
    if (!first) {
      fragment.append(document.createTextNode(shown));
      continue;
    }
    const mark = el("mark", "", shown);
    mark.dataset.severity = first.severity;
    const told = piece.places.map((one) => `${one.name} (${one.guard}, ${one.score.toFixed(2)}): ${one.message}`);
    mark.title = told.join("\n");
    mark.append(el("span", "sr", ` (${told.join("; ")}) `));
    fragment.append(mark);
  }
  return fragment;
}

function chipOf(guard) {
  const [top] = guard.labels;
  const chip = el("li", "chip");
  const isWell = guard.status === "ok";
  chip.dataset.effect = guard.effect === "allow" ? "" : guard.effect;
  chip.append(el("span", "", guard.guard));
  if (!isWell) chip.append(el("b", "", guard.status));
  else if (top) chip.append(el("b", "", top.score.toFixed(2)));
  const what = top ? `${top.name} ${top.score.toFixed(2)}, counts from ${top.threshold.toFixed(2)}` : "nothing to score";
  chip.title = `${guard.guard}: ${isWell ? what : guard.problem || guard.status}. ${effectWord(guard.effect)}.`;
  return chip;
}

/** The text that grows: that of the last line. */
const lineOf = (said) =>
  said.lastChild?.firstChild ?? said.appendChild(el("div", "line")).appendChild(document.createTextNode(""));

/** The article of a turn, and how to bring it up to date. */
export function turnView(column, onResults) {
  const root = clone("t-turn");
  const said = part(root, "said");
  const view = part(root, "view");
  let shown = {};
  let mode = null;
  let buffer = "";
  const flow = onFrame(() => {
    if (!buffer) return;
    // A block for each line: the browser lays out the last one anew, and not the whole answer.
    const [first, ...rest] = buffer.split("\n");
    lineOf(said).appendData(first);
    for (const text of rest) said.appendChild(el("div", "line")).append(document.createTextNode(text));
    buffer = "";
  });

  part(root, "inspect").addEventListener("click", () => inspect(shown));
  view.addEventListener("click", () => {
    mode = view.dataset.to;
    paintText(shown);
  });

  async function paintText(turn) {
    const text = turn.text || turn.refusal;
    const places = placesOf(turn);
    const isAnswer = turn.role === "assistant";
    const now = mode ?? (places.length || !isAnswer || turn.refusal ? "marked" : "rendered");
    said.classList.toggle("refused", Boolean(turn.refusal && !turn.text));
    view.hidden = !isAnswer || !places.length || Boolean(turn.refusal);
    view.dataset.to = now === "marked" ? "rendered" : "marked";
    view.textContent = now === "marked" ? "Show formatted" : "Show places";
    said.dataset.form = now === "rendered" ? "rendered" : "plain";
    if (now === "marked") return said.replaceChildren(marked(text, places));
    const made = await elements(text);
    if (shown !== turn) return undefined;
    if (!made) said.dataset.form = "plain";
    return said.replaceChildren(made ?? document.createTextNode(visible(text)));
  }

  function paintCalls(turn) {
    const calls = part(root, "calls");
    calls.hidden = !turn.calls?.length;
    calls.replaceChildren();
    for (const call of turn.calls ?? []) {
      const box = el("div", "call");
      box.append(el("b", "", visible(call.name)), el("pre", "code", visible(call.args || "{}")));
      calls.append(box);
    }
    if (turn.calls?.length && !turn.isAnswered && !turn.isRunning && !turn.isLeftOut) calls.append(resultsForm(turn));
  }

  function resultsForm(turn) {
    const form = el("form", "stack tight");
    for (const call of turn.calls) {
      const field = el("div", "field");
      const label = el("label", "", `What ${visible(call.name)} returns`);
      const area = el("textarea", "code");
      area.id = `result-${turn.id}-${call.id}`;
      label.htmlFor = area.id;
      area.rows = 2;
      field.append(label, area);
      form.append(field);
    }
    const send = el("button", "small", "Send the result");
    form.append(send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const areas = [...form.querySelectorAll("textarea")];
      onResults(turn, turn.calls.map((call, i) => ({ callId: call.id, text: areas[i].value })));
    });
    return form;
  }

  function paintWhy(turn) {
    const line = part(root, "why");
    const notes = [];
    if (turn.error) notes.push(turn.error);
    if (turn.isStopped) notes.push("You stopped it; what there is was not judged as a whole.");
    if (turn.finish === "length") notes.push("It reached the limit of tokens.");
    if (turn.isLeftOut && turn.role === "user") notes.push("Left out of what follows.");
    line.hidden = !notes.length;
    line.textContent = notes.join(" ");
    line.dataset.kind = turn.error ? "bad" : "";
  }

  function paintOverlay(turn) {
    const guards = (turn.decisions ?? []).flatMap((one) => one.guards);
    part(root, "overlay").hidden = !turn.decisions?.length;
    part(root, "chips").replaceChildren(...guards.map(chipOf));
    const reasons = (turn.decisions ?? []).flatMap((one) => one.reasons);
    showEffect(part(root, "effect-chip"), turn.effect ?? null);
    part(root, "effect-chip").title = reasons.map((one) => `${one.rule}: ${one.message}`).join("\n");
  }

  function paintImages(turn) {
    const images = part(root, "images");
    images.hidden = !turn.images?.length;
    images.replaceChildren(...(turn.images ?? []).map((url, i) => {
      const image = el("img");
      image.src = url;
      image.alt = `Image ${i + 1} that you sent`;
      return image;
    }));
  }

  return {
    root,
    update(turn) {
      if (turn === shown) return;
      const was = shown;
      shown = turn;
      root.dataset.role = turn.role;
      root.classList.toggle("running", Boolean(turn.isRunning));
      said.setAttribute("aria-busy", String(Boolean(turn.isRunning)));
      part(root, "who").textContent = turn.role === "assistant" ? column.name() : WHO[turn.role];
      if (turn.isRunning) {
        said.dataset.form = "plain";
        live.set(turn.id, (text) => {
          buffer += visible(text);
          flow.ask();
        });
        return;
      }
      live.delete(turn.id);
      if (was.isRunning) flow.now();
      if (was.images !== turn.images) paintImages(turn);
      paintText(turn);
      paintCalls(turn);
      paintWhy(turn);
      paintOverlay(turn);
    },
  };
}
