// Takes the secret from the fragment, which no browser sends anywhere, and gives it to the gateway.
const secret = location.hash.slice(1);
if (location.hash) history.replaceState(null, "", location.pathname);
if (/^[\w-]{20,128}$/.test(secret)) {
  document.getElementById("secret").value = secret;
  document.getElementById("link").requestSubmit();
} else if (!document.querySelector("[role=alert]")) {
  document.getElementById("told").textContent =
    "This page opens with a link that the gateway prints when it starts. Get one on its machine:";
  document.getElementById("how").hidden = false;
}
