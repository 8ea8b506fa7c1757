"use strict";

// Draws the charts of a page. The bundle that can is large, so it is asked for once, by a page that
// has a chart, after everything else is there. Without it the figures stand in an open table.
(() => {
  const bundle = document.currentScript.dataset.bundle;
  // Drawings with their marks of time, for where there is room for many and where there is not.
  const drawn = new Map();
  const WIDE = 640;
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
      const figure = JSON.parse(chart.querySelector("script").textContent);
      const { tickvals, ticktext } = figure.layout.xaxis;
      drawn.set(drawing, { wide: figure.wide, narrow: { tickvals, ticktext } });
      Object.assign(figure.layout.xaxis, marks(drawing));
      await plotly.newPlot(drawing, figure.data, figure.layout, figure.config);
      chart.dataset.state = "drawn";
      widths.observe(drawing);
    } catch {
      giveUp(chart);
    }
  }

  function marks(drawing) {
    const choice = drawn.get(drawing);
    return drawing.offsetWidth < WIDE ? choice.narrow : choice.wide;
  }

  function fit(drawing) {
    // What is hidden has no width; it is seen here again once it is shown.
    if (drawn.has(drawing) && drawing.offsetWidth) {
      const { tickvals, ticktext } = marks(drawing);
      window.Plotly.relayout(drawing, {
        autosize: true,
        "xaxis.tickvals": tickvals,
        "xaxis.ticktext": ticktext,
      });
    }
  }

  function giveUp(chart) {
    chart.dataset.state = "failed";
    chart.classList.add("chart_failed");
    chart.querySelector(".chart__trouble").hidden = false;
    chart.querySelector(".chart__data").open = true;
  }

  const widths = new ResizeObserver((entries) => {
    window.requestAnimationFrame(() => entries.forEach(({ target }) => fit(target)));
  });

  function forget() {
    for (const drawing of drawn.keys()) {
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
