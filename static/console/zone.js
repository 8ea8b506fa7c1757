"use strict";

// The zone of this browser is offered to who reads times in UTC, which nobody may have chosen.
(() => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offer = document.querySelector("[data-zone-offer]");
  const known = document.querySelector("[data-zone-here]");
  if (!here || here === "UTC") {
    return;
  }
  document.querySelectorAll("[data-zone-name]").forEach((each) => {
    each.textContent = here;
  });
  if (known) {
    const field = document.getElementById("zone");
    known.hidden = field.value === here;
    known.querySelector("[data-zone-take]").addEventListener("click", () => {
      field.value = here;
      field.focus();
    });
  }
  if (offer && localStorage.getItem("zone-offered") !== here) {
    const link = offer.querySelector("[data-zone-link]");
    link.href += `&zone=${encodeURIComponent(here)}`;
    offer.hidden = false;
    offer.querySelector("[data-zone-never]").addEventListener("click", () => {
      localStorage.setItem("zone-offered", here);
      offer.hidden = true;
      document.getElementById("main").focus();
    });
  }
})();
