"use strict";

// Draws the charts of a page. The bundle that can is large, so it is asked for once, by a page that
// has a chart, after everything else is there. Without it the figures stand in an open table.
(() => {
  const bundle = document.currentScript.dataset.bundle;
  const drawn = new Set();
  let library = null;

  // From here on a table may be closed: a drawing will come, or it is opened again.
  document.documentElement.classList.add("draws-charts");

  function load() {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = bundle;
      script.addEventListener("load", () => resolve(window.Plotly));
      script.addEventListener("error", () => {
        library = null;
        reject(new Error(`${bundle} did not load`));
      });
      document.head.append(script);
    });
    return library;
  }

  function begin(root) {
    for (const chart of root.querySelectorAll(".chart:not([data-state])")) {
      if (chart.querySelector(".chart__drawing")) {
        chart.dataset.state = "waiting";
        chart.querySelector(".chart__data").open = false;
        whenThere(() => draw(chart));
      }
    }
  }

  function whenThere(act) {
    if (document.readyState === "complete") {
      act();
    } else {
      window.addEventListener("load", act, { once: true });
    }
  }

  async function draw(chart) {
    const drawing = chart.querySelector(".chart__drawing");
    try {
      const plotly = await load();
      if (!chart.isConnected) {
        return;
      }
      const { data, layout, config } = JSON.parse(chart.querySelector("script").textContent);
      drawn.add(drawing);
      await plotly.newPlot(drawing, data, layout, config);
      chart.dataset.state = "drawn";
      widths.observe(drawing);
    } catch {
      giveUp(chart);
    }
  }

  function giveUp(chart) {
    chart.dataset.state = "failed";
    chart.classList.add("chart_failed");
    chart.querySelector(".chart__trouble").hidden = false;
    chart.querySelector(".chart__data").open = true;
  }

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      // What is hidden has no width; it is observed again once it is shown.
      if (target.offsetWidth && target.offsetWidth !== target.querySelector("svg")?.clientWidth) {
        window.requestAnimationFrame(() => drawn.has(target) && window.Plotly.Plots.resize(target));
      }
    }
  });

  function forget() {
    for (const drawing of drawn) {
      if (!drawing.isConnected) {
        widths.unobserve(drawing);
        drawn.delete(drawing);
        window.Plotly.purge(drawing);
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => begin(document));
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap", "htmx:historyRestore"]) {
    document.addEventListener(name, () => {
      forget();
      begin(document);
    });
  }
})();
