"use strict";
// Two pictures over each other, with a line between them that can be moved; without scripts they stand side by side.
(() => {
  function slide(control) {
    control.closest(".before-after").style.setProperty("--at", `${control.value}%`);
  }
  function lay() {
    for (const control of document.querySelectorAll("[data-slides]")) {
      const box = control.closest(".before-after");
      if (box.classList.contains("sliding")) continue;
      box.classList.add("sliding");
      control.closest("label").hidden = false;
      slide(control);
    }
  }
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-slides]")) slide(event.target);
  });
  document.addEventListener("answers", lay);
  lay();
})();
