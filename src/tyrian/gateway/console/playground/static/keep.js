// Saving columns under a name, and sharing what they say as a snapshot.
import { remove, saveSetup, setups, share, snapshots, why } from "./api.js";
import { $, el, fault, whileBusy } from "./dom.js";
import { settingsOf } from "./state.js";
import { column } from "./state.js";

const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });

function row(title, about, ...buttons) {
  const item = el("li");
  const told = el("div");
  told.append(el("b", "", title), el("small", "", about));
  item.append(told, ...buttons);
  return item;
}

function button(text, label, work) {
  const made = el("button", "small", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => whileBusy(made, work));
  return made;
}

export function setUpSetups(store) {
  const list = async () => {
    try {
      const found = await setups();
      $("setup-list").replaceChildren(...found.map((one) => row(
        one.name, `${one.setup.columns.length} columns, saved ${day(one.updated_at)}`,
        button("Open", `Open ${one.name}`, async () => {
          store.set((state) => ({ ...state, prompt: one.setup.prompt, columns: one.setup.columns.map((saved) => column(saved)) }));
          $("setups").close();
        }),
        button("Delete", `Delete ${one.name}`, async () => {
          await remove(`/setups/${one.id}`).catch((error) => fault("setups-fault", why(error)));
          await list();
        }),
      )));
      if (!found.length) $("setup-list").append(el("li", "note", "Nothing is saved yet."));
    } catch (error) {
      fault("setups-fault", why(error));
    }
  };
  $("open-setups").addEventListener("click", () => {
    fault("setups-fault", "");
    $("setups").showModal();
    list();
  });
  $("save-setup").addEventListener("submit", async (event) => {
    event.preventDefault();
    fault("setups-fault", "");
    await whileBusy(event.submitter, async () => {
      try {
        await saveSetup($("setup-name").value, clean(settingsOf(store.get())));
        $("setup-name").value = "";
        await list();
      } catch (error) {
        fault("setups-fault", why(error));
      }
    });
  });
}

const clean = (setup) => ({
  ...setup,
  columns: setup.columns.map((one) => ({
    ...one, params: Object.fromEntries(Object.entries(one.params).filter(([, value]) => value !== undefined)),
  })),
});

/** What is shared: as it stands on the page, without images and without keys. */
function conversationOf(state) {
  return {
    columns: state.columns.map((one) => ({
      model: one.model,
      system: one.system,
      settings: Object.fromEntries(Object.entries(one.params).filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)])),
      figures: one.figures ? figuresOf(one.figures) : {},
      turns: one.turns.filter((turn) => !turn.isRunning).map((turn) => ({
        role: turn.role,
        text: [turn.text || turn.refusal || turn.error || "", ...(turn.calls ?? []).map((call) => `${call.name}(${call.args})`)].filter(Boolean).join("\n"),
        effect: turn.effect ?? null,
        images: turn.images?.length ?? 0,
        why: (turn.decisions ?? []).flatMap((each) => each.reasons).slice(0, 50).map((reason) => `${reason.rule}: ${reason.message}`),
        guards: (turn.decisions ?? []).flatMap((each) => each.guards).slice(0, 64).map((guard) => ({
          guard: guard.guard, effect: guard.effect, status: guard.status,
          label: guard.labels[0]?.label ?? "", name: guard.labels[0]?.name ?? "",
          score: guard.labels[0]?.score ?? null, threshold: guard.labels[0]?.threshold ?? null,
        })),
      })),
    })),
  };
}

const figuresOf = ({ first_ms, total_ms, per_second, input_tokens, output_tokens, cost_usd }) =>
  ({ first_ms, total_ms, per_second, input_tokens, output_tokens, cost_usd: cost_usd ?? null });

export function setUpShare(store) {
  const list = async () => {
    const found = await snapshots().catch(() => []);
    $("shared-list").replaceChildren(...found.map((one) => {
      const link = el("a", "button small", "Open");
      link.href = one.path;
      link.setAttribute("aria-label", `Open ${one.title}`);
      return row(one.title, `until ${day(one.expires_at)}`, link, button("Take back", `Take back ${one.title}`, async () => {
        await remove(`/snapshots/${one.id}`).catch((error) => fault("share-fault", why(error)));
        await list();
      }));
    }));
    if (!found.length) $("shared-list").append(el("li", "note", "Nothing is shared."));
  };
  $("open-share").addEventListener("click", () => {
    fault("share-fault", "");
    $("share-made").hidden = true;
    const first = store.get().columns.flatMap((one) => one.turns).find((turn) => turn.role === "user");
    $("share-name").value = first ? first.text.replace(/\s+/g, " ").slice(0, 60) : "";
    $("share").showModal();
    list();
  });
  $("share-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    fault("share-fault", "");
    await whileBusy(event.submitter, async () => {
      try {
        const made = await share($("share-name").value, Number($("share-days").value), conversationOf(store.get()));
        $("share-link").textContent = location.origin + made.path;
        $("share-made").hidden = false;
        await list();
      } catch (error) {
        fault("share-fault", why(error));
      }
    });
  });
}
