"use strict";

// Shows what only works with scripts, hides what is only needed without.
document.documentElement.classList.add("js");

// On a small screen the navigation may be wider than it, and the page one is on out of sight.
document.addEventListener("DOMContentLoaded", () => {
  const current = document.querySelector(".top__nav [aria-current=page]");
  current?.scrollIntoView({ block: "nearest", inline: "nearest" });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    copy(button);
  }
  // What leads to a place on this page closes its menu, as leaving the page would.
  closeMenus(event.target.closest('.menu a[href^="#"]') ? null : event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.activeElement.closest("details.menu[open]")?.querySelector("summary").focus();
    closeMenus(null);
  }
});

function closeMenus(target) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) {
      menu.open = false;
    }
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    say(button, "Copied");
  } catch {
    // Refused, or not a secure page: select it, so that the usual keys copy it.
    window.getSelection().selectAllChildren(source);
    say(button, "Selected, press Ctrl+C");
  }
}

function say(button, words) {
  const label = button.querySelector("[data-label]");
  label.dataset.label ||= label.textContent;
  label.textContent = words;
  window.setTimeout(() => {
    label.textContent = label.dataset.label;
  }, 3000);
}

// Signed out meanwhile: what comes back is the sign-in page, which belongs on a page of its own.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const address = event.detail.xhr.responseURL;
  if (address && new URL(address).pathname.startsWith("/accounts/")) {
    event.preventDefault();
    window.location.reload();
  }
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, () => trouble(true));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) {
    trouble(false);
  }
});

function trouble(there) {
  document.getElementById("trouble").hidden = !there;
}

// Whatever takes longer than this many milliseconds shows that it is under way.
const PATIENCE = 300;
let underWay = 0;
let busyTimer = 0;
let downloads = false;

function begin() {
  underWay += 1;
  busyTimer ||= window.setTimeout(() => busy(true), PATIENCE);
}

function end() {
  underWay = Math.max(0, underWay - 1);
  if (underWay === 0) {
    busy(false);
  }
}

function busy(there) {
  window.clearTimeout(busyTimer);
  busyTimer = there ? busyTimer : 0;
  document.getElementById("busy").hidden = !there;
}

document.addEventListener("htmx:beforeSend", begin);
document.addEventListener("htmx:afterRequest", end);
document.addEventListener("click", (event) => {
  // What is downloaded leaves the page where it is.
  downloads = Boolean(event.target.closest("[download], [data-export]"));
});
window.addEventListener("beforeunload", () => {
  if (!downloads) {
    begin();
  }
});
// Back in history the browser may show the page as it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    underWay = 0;
    busy(false);
  }
});
