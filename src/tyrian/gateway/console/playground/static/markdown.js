// Puts what the server has rendered on the page. The server lets only a few elements through; they
// are made anew here, by name, so that nothing but them can come in whatever happens on the way.
import { rendered } from "./api.js";

const TAGS = new Set(
  ("A BLOCKQUOTE BR CODE DEL EM H1 H2 H3 H4 H5 H6 HR LI OL P PRE S STRONG TABLE TBODY TD TH THEAD TR UL").split(" "),
);
// A heading of an answer is none of the page.
const AS = { H1: "h4", H2: "h4", H3: "h5", H4: "h5", H5: "h6", H6: "h6" };

function rebuilt(source, target) {
  for (const node of source.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) target.append(document.createTextNode(node.data));
    if (node.nodeType !== Node.ELEMENT_NODE || !TAGS.has(node.tagName)) continue;
    const made = document.createElement(AS[node.tagName] ?? node.tagName.toLowerCase());
    const href = node.tagName === "A" ? node.getAttribute("href") : null;
    if (href?.startsWith("/leave?to=")) {
      made.href = href;
      made.target = "_blank";
      made.rel = "noreferrer noopener nofollow";
    }
    if (node.tagName === "OL" && /^\d{1,6}$/.test(node.getAttribute("start") ?? "")) made.start = Number(node.getAttribute("start"));
    if (node.tagName === "PRE" || node.tagName === "TABLE") made.tabIndex = 0;
    rebuilt(node, made);
    target.append(made);
  }
}

/** The text as elements; null where it cannot be had, and the plain text stands. */
export async function elements(text) {
  try {
    const fragment = document.createDocumentFragment();
    rebuilt((await rendered(text)).body, fragment);
    return fragment;
  } catch {
    return null;
  }
}
