// The link's secret stands behind the # of the address, which browsers send to nobody. It is taken from there at once, so
// that neither the history nor whoever looks on has it.

const $ = (id) => document.getElementById(id);
const form = $("form");
const fields = { password: $("password"), again: $("again") };
let link = "";

function take() {
  if (!location.hash) return;
  link = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  start();
}

function start() {
  form.hidden = link === "";
  if (link === "") say("This page is opened by the link in a mail. Open that link again, or ask for a new one.", true);
  else say("");
}

function say(text, bad = false) {
  $("status").classList.toggle("bad", bad);
  $("status").textContent = text;
}

// complain says what is wrong with a field; an empty text, that nothing is.
function complain(name, text) {
  $(`${name}Error`).textContent = text;
  fields[name].setAttribute("aria-invalid", String(text !== ""));
  if (text) fields[name].focus();
}

// done leaves the page with a heading and what it means.
function done(title, text) {
  form.reset();
  form.hidden = true;
  link = "";
  document.title = `${title} · Keyfob`;
  $("title").textContent = title;
  say(text);
  $("title").focus();
}

async function set() {
  const answer = await fetch("v1/password/set", {
    method: "POST",
    credentials: "omit",
    cache: "no-store",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ link, password: fields.password.value }),
  });
  const body = await answer.json();
  if (answer.ok) {
    $("next").hidden = false;
    return done("Your password is set", `You can now log in as ${body.name} to the account ${body.tenant}, at ${new URL("v1/login", location)}.`);
  }
  const wrong = (body.errors ?? []).find((e) => e.field);
  if (wrong?.field === "password") return complain("password", wrong.message);
  if (wrong?.field === "link") return done("This link has ended", wrong.message);
  say(body.message ?? "That did not work. Try again.", true);
}

form.addEventListener("submit", async (e) => {
  e.preventDefault();
  say("");
  complain("again", "");
  complain("password", "");
  if (fields.password.value === "") return complain("password", "Type a new password.");
  if (fields.password.value !== fields.again.value) return complain("again", "The two are not the same.");
  $("submit").disabled = true;
  try {
    await set();
  } catch {
    say("The server does not answer. Check your connection and try again.", true);
  } finally {
    $("submit").disabled = false;
  }
});

$("show").addEventListener("change", () => {
  for (const field of Object.values(fields)) field.type = $("show").checked ? "text" : "password";
});
addEventListener("hashchange", take); // another link, opened in this very page
take();
start();
