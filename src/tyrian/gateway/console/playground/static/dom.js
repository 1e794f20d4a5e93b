// Elements without markup: everything is made by name, or cloned from a template of the page.

export const $ = (id) => document.getElementById(id);

export function el(tag, className = "", text = undefined) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export const clone = (id) => $(id).content.firstElementChild.cloneNode(true);
export const part = (root, name) => root.querySelector(`[data-${name}]`);

const WORDS = { allow: "Allowed", flag: "Flagged", redact: "Redacted", review: "Held", block: "Blocked" };
export const effectWord = (effect) => WORDS[effect] ?? effect;

export function showEffect(chip, effect, word = effectWord(effect)) {
  chip.hidden = !effect;
  chip.dataset.effect = effect ?? "";
  chip.textContent = effect ? word : "";
}

export function tell(text) {
  $("told").textContent = text;
}

export function fault(id, text) {
  $(id).hidden = !text;
  $(id).textContent = text ?? "";
}

/** Runs `work` while the button says that it is busy. */
export async function whileBusy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

/** Calls `work` at most once in a frame, with everything that came since the last. */
export function onFrame(work) {
  let waiting = 0;
  return {
    ask() {
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        work();
      });
    },
    now() {
      cancelAnimationFrame(waiting);
      waiting = 0;
      work();
    },
  };
}
