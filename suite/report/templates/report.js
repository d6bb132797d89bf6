"use strict";
// Colours are the style sheet's, so that plots follow light, dark and print.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const PRINT_WIDTH = 680;

  function colours() {
    const style = getComputedStyle(root);
    const value = (name) => style.getPropertyValue(name).trim();
    const series = [0, 1, 2, 3, 4, 5].map((index) => value(`--series-${index}`));
    const ink = value("--ink");
    return {
      ink,
      page: value("--page"),
      surface: value("--surface"),
      muted: value("--muted"),
      line: value("--line"),
      grid: value("--grid"),
      series: (index) =>
        index === -2 ? value("--grey") : index < 0 ? ink : series[index % series.length],
    };
  }

  function painted(figure, palette) {
    const { data, layout } = structuredClone(figure);
    layout.font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: palette.ink };
    layout.paper_bgcolor = palette.page;
    layout.plot_bgcolor = palette.page;
    layout.hoverlabel = { bgcolor: palette.surface, bordercolor: palette.line, font: { color: palette.ink } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: palette.muted, activecolor: palette.ink };
    for (const axis of [layout.xaxis, layout.yaxis]) {
      if (axis.title) axis.title.font = { size: 13 };
      Object.assign(axis, { gridcolor: palette.grid, linecolor: palette.line, tickcolor: palette.line });
    }
    for (const trace of data) {
      const index = trace.meta.colour;
      const colour = Array.isArray(index) ? index.map(palette.series) : palette.series(index);
      if (trace.mode === "lines") {
        trace.line = { ...trace.line, color: colour };
      } else {
        trace.marker = { ...trace.marker, color: colour };
      }
    }
    return { data, layout };
  }

  function draw(width) {
    const palette = colours();
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = painted(figure, palette);
      if (width) layout.width = width;
      Plotly.react(id, data, layout, {
        responsive: true,
        displaylogo: false,
        modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
        toImageButtonOptions: { filename: id, scale: 2 },
      });
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  addEventListener("beforeprint", () => {
    root.dataset.print = "";
    for (const element of document.querySelectorAll("details:not([open])")) {
      element.open = true;
      element.dataset.closed = "";
    }
    draw(PRINT_WIDTH);
  });
  addEventListener("afterprint", () => {
    delete root.dataset.print;
    for (const element of document.querySelectorAll("details[data-closed]")) {
      element.open = false;
      delete element.dataset.closed;
    }
    draw();
  });
  draw();
})();
