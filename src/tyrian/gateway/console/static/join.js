// Takes the invitation's secret from the fragment, which no browser sends anywhere, into the form.
const KEY = "tyrian-invitation";
const given = location.hash.slice(1);
if (location.hash) history.replaceState(null, "", location.pathname);
if (/^[\w-]{20,128}$/.test(given)) sessionStorage.setItem(KEY, given);
document.getElementById("secret").value = sessionStorage.getItem(KEY) ?? "";
