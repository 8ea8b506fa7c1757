"use strict";

// A part of the page that is swapped takes the focus and what it says with it; both are kept here.
let held = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  // Its button may be disabled meanwhile, which loses the focus before anything is swapped.
  const focused = document.activeElement;
  const own = event.detail.elt.contains(focused) || event.detail.target?.contains(focused);
  if (own && focused !== document.body) {
    held = { request: event.detail.xhr, element: focused, id: focused.id, target: event.detail.target.id };
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (held?.request === event.detail.xhr) {
    if (document.activeElement === document.body) {
      focusAgain(held);
    }
    held = null;
  }
  tell(event.detail.elt);
});

// On the same control; where it is gone, on its menu, or on what was swapped.
function focusAgain({ element, id, target }) {
  const same = element.isConnected ? element : document.getElementById(id);
  const menu = same?.closest("details.menu")?.querySelector("summary");
  const part = document.getElementById(target);
  part?.setAttribute("tabindex", "-1");
  for (const each of [same, menu, part]) {
    each?.focus({ preventScroll: true });
    if (document.activeElement === each) {
      return;
    }
  }
}

// Only a region that stays is read out.
function tell(part) {
  const words = part.isConnected && (part.matches("[data-said]") ? part : part.querySelector("[data-said]"));
  if (words) {
    document.getElementById("said").textContent = words.dataset.said || words.textContent;
  }
}
