// Texts and places in them. The server counts characters as code points, so everything here does.

const UNSEEN = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\ufeff\u{e0000}-\u{e007f}\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu;

/** The text with every character that hides written out as its number. */
export const visible = (text) =>
  text.replace(UNSEEN, (found) => `\u27e6U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e7`);

const RANK = { critical: 4, high: 3, medium: 2, low: 1 };

/** The text in pieces, each with the places that cover it: [{text, places}], nothing lost or doubled. */
export function pieces(text, places) {
  const points = [...text];
  const fitting = places.filter((one) => one.start < one.end && one.end <= points.length);
  const edges = new Set([0, points.length]);
  for (const { start, end } of fitting) edges.add(start).add(end);
  const sorted = [...edges].sort((a, b) => a - b);
  const found = [];
  for (let i = 0; i + 1 < sorted.length; i += 1) {
    const [from, to] = [sorted[i], sorted[i + 1]];
    const over = fitting.filter((one) => one.start <= from && one.end >= to);
    over.sort((a, b) => (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0) || b.score - a.score);
    found.push({ text: points.slice(from, to).join(""), places: over });
  }
  return found;
}

export const length = (text) => [...text].length;

export const number = (value, digits = 0) =>
  value === null || value === undefined ? "–" : value.toLocaleString(undefined, { maximumFractionDigits: digits });

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 10000 ? 2 : 1)} s`;
}

export const dollars = (value) =>
  value === null || value === undefined ? "–" : value === 0 ? "$0" : value < 0.01 ? `$${value.toFixed(6)}` : `$${value.toFixed(4)}`;
