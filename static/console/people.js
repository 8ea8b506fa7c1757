// Selecting people. The ids outlive a page of the list, which htmx swaps; the server does the rest.
const selected = new Set();
let everybody = false;
let last = null;

const bulk = () => document.getElementById("bulk");
const boxes = () => [...document.querySelectorAll("#people input[name=person]")];

document.addEventListener("click", (event) => {
  const box = event.target.closest("input[name=person]") ?? shiftedBox(event);
  if (box) {
    pick(box, event.shiftKey);
  } else if (event.target.id === "pick_page") {
    boxes().forEach((each) => mark(each, event.target.checked));
  } else if (event.target.closest("[data-page]")) {
    boxes().forEach((each) => mark(each, true));
  } else if (event.target.closest("[data-everybody]")) {
    everybody = true;
    bulk().querySelector("[data-nobody]").focus();
  } else if (event.target.closest("[data-nobody]")) {
    clear();
  } else {
    return;
  }
  show();
});

// A browser that is asked to select text does not tick the box of a label.
function shiftedBox(event) {
  const label = event.shiftKey && event.target.closest(".people__pick label");
  const box = label && document.querySelector(`#people input[name=person]#${label.htmlFor}`);
  if (box) {
    event.preventDefault();
    box.checked = !box.checked;
  }
  return box;
}

// With the shift key, everybody between this box and the one before.
function pick(box, many) {
  const all = boxes();
  const from = many ? all.findIndex((each) => each.value === last) : -1;
  const here = all.indexOf(box);
  const range = from < 0 ? [box] : all.slice(Math.min(from, here), Math.max(from, here) + 1);
  range.forEach((each) => mark(each, box.checked));
  last = box.value;
}

function mark(box, is) {
  if (everybody) {
    // Everybody but this one: back to those that are seen.
    everybody = false;
    boxes().forEach((each) => selected.add(each.value));
  }
  if (is) {
    selected.add(box.value);
  } else {
    selected.delete(box.value);
  }
}

function clear() {
  everybody = false;
  selected.clear();
  // On a small screen the table has no head.
  const ways = [document.getElementById("pick_page"), document.querySelector("[data-page]")];
  ways.find((each) => each?.checkVisibility())?.focus();
}

function show() {
  const bar = bulk();
  if (!bar) {
    return;
  }
  bar.dataset.ready = "";
  const all = boxes();
  all.forEach((box) => {
    box.checked = everybody || selected.has(box.value);
  });
  const checked = all.filter((box) => box.checked).length;
  const page = document.getElementById("pick_page");
  page.checked = checked === all.length;
  page.indeterminate = checked > 0 && checked < all.length;
  tell(bar, checked);
}

function tell(bar, checked) {
  const button = bar.querySelector("[data-everybody]");
  const tooMany = !everybody && selected.size > Number(bar.dataset.most);
  bar.hidden = !everybody && selected.size === 0;
  bar.querySelector("[data-selected]").textContent = everybody ? button.dataset.words : words(selected.size, checked);
  bar.querySelector("[data-more]")?.toggleAttribute("hidden", everybody);
  if (tooMany) {
    bar.querySelector("[data-selected]").textContent =
      `${selected.size} selected, which is more than can be picked one by one. Narrow the list and select all that match.`;
  }
  bar.querySelectorAll("[name=kind]").forEach((deed) => {
    deed.disabled = tooMany;
  });
}

function words(number, here) {
  const elsewhere = number - here;
  return `${number.toLocaleString("en")} selected${elsewhere ? `, ${elsewhere.toLocaleString("en")} of them not on this page` : ""}`;
}

// Only what is meant goes into the address.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "bulk") {
    return;
  }
  const bar = event.target;
  // A sync needs nothing typed: it goes straight to its preview, which the form makes by a post.
  const isSync = event.submitter?.value === "sync";
  bar.method = isSync ? "post" : "get";
  bar.querySelector("[name=csrfmiddlewaretoken]").disabled = !isSync;
  bar.querySelectorAll("[data-elsewhere]").forEach((each) => each.remove());
  scope(bar, everybody ? "filter" : "selection");
  const here = new Set(boxes().map((box) => box.value));
  boxes().forEach((box) => {
    box.disabled = everybody;
  });
  if (!everybody) {
    [...selected].filter((id) => !here.has(id)).forEach((id) => bar.append(hidden(id)));
  }
  // The browser has read the form by then; who comes back finds it as it was.
  window.setTimeout(() => {
    boxes().forEach((box) => {
      box.disabled = false;
    });
    const filter = bar.querySelector("[name=filter]");
    if (filter) {
      filter.disabled = false;
    }
  });
});

function scope(bar, name) {
  bar.querySelector(`[name=scope][value=${name}]`).checked = true;
  const filter = bar.querySelector("[name=filter]");
  if (filter) {
    filter.disabled = name !== "filter";
  }
}

function hidden(id) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: "person", value: id });
  input.dataset.elsewhere = "";
  return input;
}

let listed = null;
const listedNow = () => bulk()?.querySelector("[name=filter]")?.value ?? null;

document.addEventListener("htmx:afterSettle", () => {
  if (everybody && listedNow() !== listed) {
    // Another list: all of the former one is not all of this one.
    everybody = false;
  }
  listed = listedNow();
  show();
});

// An address says no more than it must.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.id !== "narrow") {
    return;
  }
  const given = event.detail.formData;
  for (const [name, value] of [...given]) {
    if (!value) {
      given.delete(name);
    }
  }
  const columns = [...document.querySelectorAll("#columns [type=checkbox]")];
  given.delete("columns");
  if (columns.some((box) => box.checked !== "usual" in box.dataset)) {
    const names = columns.filter((box) => box.checked).map((box) => box.value);
    given.set("columns", names.join(",") || "person");
  }
});

// On a small screen most filters wait until they are asked for.
document.addEventListener("click", (event) => {
  const toggle = event.target.closest("[data-filters]");
  if (toggle) {
    const open = toggle.getAttribute("aria-expanded") === "true";
    toggle.setAttribute("aria-expanded", String(!open));
    toggle.textContent = open ? "More filters" : "Fewer filters";
  }
});

// A pill is a link; here it empties its field, so that the form goes on saying what is chosen.
document.addEventListener("click", (event) => {
  const pill = event.target.closest("[data-clear]");
  const field = pill && document.getElementById("narrow").elements[pill.dataset.clear];
  if (!field || field.type === "hidden" || event.ctrlKey || event.metaKey || event.shiftKey) {
    return;
  }
  event.preventDefault();
  field.value = "";
  field.focus();
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

// A large file takes a while to begin. The server sets a cookie with it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-export]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) {
    return;
  }
  event.preventDefault();
  const started = Date.now().toString(36);
  const address = new URL(link.href);
  address.searchParams.set("started", started);
  const note = document.getElementById("preparing");
  note.hidden = false;
  link.closest("details").open = false;
  window.location.assign(address);
  const asked = window.setInterval(() => {
    if (document.cookie.includes(`export_started=${started}`)) {
      window.clearInterval(asked);
      note.hidden = true;
    }
  }, 200);
});

boxes().filter((box) => box.checked).forEach((box) => selected.add(box.value));
listed = listedNow();
show();
