// What the pages do with JavaScript: everything can be read and sent without it. No library, no state but the page itself.
"use strict";

const all = (query, of = document) => [...of.querySelectorAll(query)];

// Copying: from the attribute, or from the text before the button.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy || button.previousElementSibling.textContent;
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    // Without permission the text is marked, ready for the keyboard.
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling ?? button);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
});

function say(button, word) {
  const before = button.textContent;
  button.textContent = word;
  setTimeout(() => { button.textContent = before; }, 1200);
}

// Forms: choices are sent when they are made, what destroys asks first, nothing is sent twice.
for (const choice of all("select[data-send]")) choice.addEventListener("change", () => choice.form.requestSubmit());
for (const hidden of all("[data-hide]")) hidden.hidden = true;
for (const path of all("[data-path]")) path.value = location.pathname + location.search;
for (const button of all("[data-sure]")) button.addEventListener("click", (event) => { if (!confirm(button.dataset.sure)) event.preventDefault(); });
for (const button of all("[data-all]")) button.addEventListener("click", () => {
  const boxes = all(`input[type=checkbox][name="${button.dataset.all}"]`);
  const on = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = on;
});
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  setTimeout(() => { for (const button of all("button", event.target)) button.disabled = true; });
});
addEventListener("pageshow", (event) => { if (event.persisted) for (const button of all("form button")) button.disabled = false; });

// Previews while typing, once the hand rests.
for (const field of all("[data-preview]")) {
  let asked = 0;
  field.addEventListener("input", async () => {
    const turn = ++asked;
    await new Promise((rested) => { setTimeout(rested, 200); });
    if (turn !== asked) return;
    const answer = await fetch(field.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(field.form)) });
    if (turn === asked && answer.ok) field.parentElement.querySelector("[data-shown]").textContent = await answer.text();
  });
}

// The live feed. A part with data-reload is drawn anew when something about its thing happens; a list with data-on offers
// what is new behind a button, so that no row moves under the hand.
async function redraw(part) {
  const place = all("[data-feed]").indexOf(part);
  // A page that answers a form has the form's address; what it shows is drawn at its own.
  const own = part.dataset.page;
  const from = own && own !== location.pathname ? own : location.href;
  const answer = await fetch(from, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return part;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = all("[data-feed]", page)[place];
  if (!fresh || part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return part;
  const known = new Set(all("tbody tr a[data-open]", part).map((link) => link.href));
  for (const link of all("tbody tr a[data-open]", fresh)) if (known.size && !known.has(link.href)) link.closest("tr").classList.add("fresh");
  part.replaceWith(fresh);
  return fresh;
}

function follow(part, dot) {
  const feed = new EventSource(part.dataset.feed);
  let waiting = 0, drawing = false, again = false;
  feed.onopen = () => {
    dot.hidden = false;
    dot.classList.add("on");
    dot.textContent = "live";
    // What happened between the page and the stream was told to nobody.
    if (part.dataset.reload) draw();
  };
  feed.onerror = () => { dot.hidden = false; dot.classList.remove("on"); dot.textContent = "reconnecting"; };
  const draw = async () => {
    if (drawing) { again = true; return; }
    drawing = true;
    do { again = false; part = await redraw(part); } while (again);
    drawing = false;
  };
  const offer = () => {
    waiting += 1;
    let button = part.querySelector(".new");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "new";
      button.addEventListener("click", () => { waiting = 0; draw(); });
      part.prepend(button);
    }
    button.textContent = `${waiting} new`;
  };
  for (const kind of new URL(part.dataset.feed, location.href).searchParams.get("kinds").split(",")) {
    feed.addEventListener(kind, (event) => {
      if (!part.dataset.reload) offer();
      else if (event.data.includes(part.dataset.reload)) draw();
    });
  }
  feed.addEventListener("gap", draw);
  addEventListener("pagehide", () => feed.close());
}
const dot = document.querySelector("[data-live]");
if (dot) for (const part of all("[data-feed]")) follow(part, dot);

// Keys: / search, j and k move, Enter opens, r retries, ? tells.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  const rows = all("[data-rows] tbody tr");
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const move = (to) => {
    rows[at]?.classList.remove("at");
    rows[to].classList.add("at");
    rows[to].querySelector("[data-open]")?.focus();
  };
  if (event.key === "/") { event.preventDefault(); document.querySelector(".find input")?.focus(); }
  else if (event.key === "j" && rows.length) move(Math.min(at + 1, rows.length - 1));
  else if (event.key === "k" && rows.length) move(Math.max(at - 1, 0));
  else if (event.key === "r") document.querySelector('[data-key="r"]')?.click();
  else if (event.key === "?") alert("/ search\nj, k next and previous row\nEnter open\nr retry");
});
