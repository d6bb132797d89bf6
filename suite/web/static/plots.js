"use strict";
// Plots of a page: figures without colours, which are the style sheet's and follow light and dark.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);

  function palette() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    const series = [0, 1, 2, 3, 4, 5].map((index) => value(`--series-${index}`));
    const names = ["ink", "page", "surface", "muted", "line", "grid", "grey"];
    const found = Object.fromEntries(names.map((name) => [name, value(`--${name}`)]));
    found.of = (index) => (index === -2 ? found.grey : index < 0 ? found.ink : series[index % 6]);
    return found;
  }

  function painted({ data, layout }, colours) {
    [data, layout] = structuredClone([data, layout]);
    layout.font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: colours.ink };
    layout.paper_bgcolor = layout.plot_bgcolor = colours.page;
    layout.hoverlabel = { bgcolor: colours.surface, bordercolor: colours.line, font: { color: colours.ink } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: colours.muted, activecolor: colours.ink };
    for (const axis of [layout.xaxis, layout.yaxis]) {
      if (axis?.title) axis.title.font = { size: 13 };
      if (axis) Object.assign(axis, { gridcolor: colours.grid, linecolor: colours.line, tickcolor: colours.line });
    }
    for (const trace of data) {
      const index = trace.meta.colour;
      const colour = Array.isArray(index) ? index.map(colours.of) : colours.of(index);
      const part = trace.mode === "lines" ? "line" : "marker";
      trace[part] = { ...trace[part], color: colour };
    }
    return { data, layout };
  }

  function draw() {
    const colours = palette();
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = painted(figure, colours);
      Plotly.react(id, data, layout, {
        responsive: true,
        displaylogo: false,
        modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
        toImageButtonOptions: { filename: id, scale: 2 },
      });
    }
  }

  for (const chart of document.querySelectorAll(".chart[data-height]")) {
    chart.style.minHeight = `${chart.dataset.height}px`;
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
