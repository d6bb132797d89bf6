"use strict";
// The cart: runs that were chosen to be compared, on whichever page; kept by the browser.
(() => {
  const KEY = "loadscope-cart", MOST = 20;
  const bar = document.getElementById("cart");
  const boxes = [...document.querySelectorAll("input[name=run][type=checkbox]")];
  let chosen = [];
  try {
    chosen = JSON.parse(localStorage.getItem(KEY) ?? "[]").filter((one) => typeof one === "string");
  } catch {
    chosen = [];
  }

  function keep(next) {
    chosen = next.slice(0, MOST);
    localStorage.setItem(KEY, JSON.stringify(chosen));
    show();
  }

  function show() {
    bar.hidden = !chosen.length;
    const few = chosen.length < 2;
    document.getElementById("cart-count").textContent =
      `${chosen.length} run${chosen.length === 1 ? "" : "s"} to compare${few ? ": choose another" : ""}`;
    const link = document.getElementById("cart-compare");
    link.hidden = few;
    link.href = `/compare?${chosen.map((one) => `run=${encodeURIComponent(one)}`).join("&")}`;
    for (const box of boxes) {
      box.checked = chosen.includes(box.value);
      box.disabled = !box.checked && chosen.length >= MOST;
    }
  }

  for (const box of boxes) {
    box.addEventListener("change", () =>
      keep(box.checked ? [...chosen, box.value] : chosen.filter((one) => one !== box.value)));
  }
  document.getElementById("cart-clear").addEventListener("click", () => keep([]));
  show();
})();
