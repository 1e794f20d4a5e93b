// Passkeys: asks the gateway what to prove or make, the browser to do it, and tells the gateway.

const fault = document.getElementById("passkey-fault");
const token = document.querySelector("meta[name=tyrian-token]")?.content;

async function post(path, body = {}) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  if (token) headers["x-tyrian-token"] = token;
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? "The gateway refused.");
  return answer;
}

/** What people read; a browser's own words are for nobody. */
function words(error) {
  if (error.name === "NotAllowedError") return "No passkey was given. Try again when you are ready.";
  if (error.name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (error instanceof DOMException) return "This browser cannot use a passkey here.";
  return error.message;
}

async function run(button, act) {
  fault.hidden = true;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    location.assign((await act()).location);
  } catch (error) {
    fault.textContent = words(error);
    fault.hidden = false;
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

async function prove(button) {
  const options = await post("/sign-in/passkey/options");
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
  });
  return post("/sign-in/passkey", { credential: credential.toJSON(), next: button.dataset.next });
}

async function make(form) {
  const profile = Object.fromEntries(new FormData(form));
  const options = await post("/account/passkeys/options", profile);
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
  });
  return post("/account/passkeys", { credential: credential.toJSON(), label: profile.label ?? "" });
}

const canUse = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
for (const button of document.querySelectorAll("[data-passkey-sign-in]")) {
  button.hidden = !canUse;
  button.addEventListener("click", () => run(button, () => prove(button)));
}
for (const form of document.querySelectorAll("form[data-passkey-make]")) {
  const button = form.querySelector("button");
  button.disabled = !canUse;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(button, () => make(form));
  });
}
