// The list is asked for every two seconds and answered with 304 while nothing has changed. What is on the page stays
// on the page: new messages are put in, none is drawn anew, and the frame is touched only when another is chosen.
// All text goes in as text; a message's HTML is only ever shown by its own route, inside the sandboxed frame.

const limit = 500;
const every = 2000;

const $ = (id) => document.getElementById(id);
const list = $("list");
const items = new Map(); // id → { message, link }
let tag = "";
let loaded = false;
let shown = "";

const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const told = (time) => `${when.format(new Date(time))} UTC`;

function span(name, text) {
  const s = document.createElement("span");
  s.className = name;
  s.textContent = text;
  return s;
}

function entry(message) {
  const link = document.createElement("a");
  link.href = `#${message.id}`;
  const about = span("about", "");
  about.append(span("to", message.to), span("sent", told(message.time)));
  link.append(span("subject", message.subject), about);
  link.classList.toggle("new", loaded);
  const li = document.createElement("li");
  li.append(link);
  return { message, link, li };
}

function put(messages) {
  const there = new Set(messages.map((m) => m.id));
  for (const [id, item] of items) {
    if (!there.has(id)) {
      item.li.remove();
      items.delete(id);
    }
  }
  let next = list.firstElementChild;
  for (const message of messages) {
    let item = items.get(message.id);
    if (!item) {
      item = entry(message);
      items.set(message.id, item);
    }
    if (item.li === next) next = next.nextElementSibling;
    else list.insertBefore(item.li, next);
  }
  $("empty").hidden = items.size > 0;
  loaded = true;
}

function tell(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function counted() {
  const n = items.size;
  if (n === 0) return "Empty";
  if (n >= limit) return `The newest ${n} messages`;
  return n === 1 ? "1 message" : `${n} messages`;
}

async function refresh() {
  try {
    const answer = await fetch(`mail?limit=${limit}`, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status !== 304) {
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.message);
      tag = answer.headers.get("ETag");
      put(body.messages);
      show();
    }
    tell(counted());
  } catch (err) {
    tag = "";
    tell(err instanceof TypeError ? "The server does not answer. Trying again…" : `The mailbox cannot be read: ${err.message}`);
  }
}

function show() {
  const id = location.hash.slice(1);
  const item = items.get(id);
  document.body.classList.toggle("reading", Boolean(item));
  $("message").hidden = !item;
  $("choose").hidden = Boolean(item) || items.size === 0;
  if ((item ? id : "") === shown) return;
  items.get(shown)?.link.removeAttribute("aria-current");
  shown = item ? id : "";
  document.title = item ? `${item.message.subject} · Mailbox · Keyfob` : "Mailbox · Keyfob";
  if (!item) return;
  item.link.setAttribute("aria-current", "true");
  item.link.classList.remove("new");
  item.link.scrollIntoView({ block: "nearest" });
  const m = item.message;
  $("subject").textContent = m.subject;
  $("to").textContent = m.to;
  $("sent").textContent = told(m.time);
  $("sent").dateTime = m.time;
  $("event").textContent = m.eventId || "none";
  $("text").textContent = m.text;
  // A frame of its own for each message: changing the address of one would add to the browser's history.
  const frame = $("html").cloneNode();
  frame.src = `mail/${encodeURIComponent(m.id)}/html`;
  $("html").replaceWith(frame);
  $("asHTML").disabled = m.html === "";
  view(m.html === "" ? "text" : chosen);
  $("message").scrollTop = 0;
  if (getComputedStyle($("pane")).display === "none") $("subject").focus();
}

let chosen = "html";

function view(kind) {
  $("html").hidden = kind !== "html";
  $("text").hidden = kind !== "text";
  $("asHTML").setAttribute("aria-pressed", String(kind === "html"));
  $("asText").setAttribute("aria-pressed", String(kind === "text"));
}

$("asHTML").addEventListener("click", () => view((chosen = "html")));
$("asText").addEventListener("click", () => view((chosen = "text")));

// Up, Down, Home and End walk through the list; Escape goes back to it.
document.addEventListener("keydown", (e) => {
  if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
  if (e.key === "Escape" && shown) {
    const link = items.get(shown).link;
    location.hash = "";
    requestAnimationFrame(() => link.focus());
    return;
  }
  if (!$("pane").contains(document.activeElement)) return;
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[e.key];
  if (to === undefined || !links[to]) return;
  e.preventDefault();
  links[to].focus();
  if (shown) location.hash = links[to].hash;
});

window.addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => document.hidden || refresh());

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, every);
}
poll();
