"use strict";
// A model begins in the middle of its drawing, which may be wider than the page.
for (const graph of document.querySelectorAll(".graph")) graph.scrollLeft = (graph.scrollWidth - graph.clientWidth) / 2;
// A search field shows the rows of its table that have what is typed; an address names a row.
for (const field of document.querySelectorAll("[data-filters]")) {
  const rows = [...document.querySelectorAll(`#${CSS.escape(field.dataset.filters)} tbody tr`)];
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
