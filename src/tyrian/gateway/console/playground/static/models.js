// Ticked models go to the playground together.
const link = document.getElementById("compare");
const text = link.lastChild;
const ticks = [...document.querySelectorAll("[data-compare]")];

function show() {
  const chosen = ticks.filter((one) => one.checked).slice(0, 6);
  const query = chosen.map((one) => `model=${encodeURIComponent(one.dataset.compare)}`).join("&");
  link.href = query ? `/playground?${query}` : "/playground";
  text.textContent = chosen.length > 1 ? `Compare ${chosen.length} models` : "Open playground";
  for (const one of ticks) one.disabled = !one.checked && chosen.length >= 6;
}

for (const one of ticks) one.addEventListener("change", show);
show();
