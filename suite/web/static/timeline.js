"use strict";
// The layers of a predict over time: zoom by wheel or keys, search by name, a click names a layer.
(() => {
  const against = document.querySelector("[data-against]");
  against?.addEventListener("submit", (event) => {
    event.preventDefault();
    location.href = `/traces/${against.dataset.against}/against/${document.getElementById("against").value}`;
  });
  const source = document.getElementById("layers-data");
  if (!source) return;
  const layers = JSON.parse(source.textContent);
  const canvas = document.getElementById("lanes");
  const find = document.getElementById("find");
  const hit = document.getElementById("hit");
  const ROW = 26, TOP = 22;
  // A call takes no more than some ten thousand arguments; a decoder has more layers.
  const most = (of) => layers.reduce((found, one) => Math.max(found, of(one)), 0);
  const end = most((one) => one.start + one.ms) || 1;
  const depth = 1 + most((one) => one.depth);
  const types = [...new Set(layers.map((one) => one.type))];
  let [from, to, chosen] = [0, end, -1];

  function draw() {
    const ratio = devicePixelRatio;
    const width = canvas.clientWidth;
    // Not laid out yet, or folded away: it is drawn when it has a width.
    if (!width) return;
    const height = TOP + depth * ROW;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px sans-serif";
    pen.textBaseline = "middle";
    const x = (ms) => ((ms - from) / (to - from)) * width;
    const step = 10 ** Math.floor(Math.log10((to - from) / 4));
    pen.fillStyle = colour("--muted");
    for (let at = Math.ceil(from / step) * step; at < to; at += step) {
      if ((to - from) / step < 12 || Math.round(at / step) % 5 === 0) pen.fillText(`${+at.toPrecision(6)} ms`, x(at) + 2, TOP / 2);
    }
    const wanted = find.value.toLowerCase();
    layers.forEach((one, index) => {
      const [left, right] = [x(one.start), x(one.start + one.ms)];
      if (right < 0 || left > width) return;
      const found = wanted && `${one.name} ${one.type}`.toLowerCase().includes(wanted);
      pen.globalAlpha = wanted && !found ? 0.25 : 1;
      pen.fillStyle = colour(`--series-${types.indexOf(one.type) % 6}`);
      const top = TOP + one.depth * ROW;
      pen.fillRect(left, top, Math.max(1, right - left - 1), ROW - 3);
      if (index === chosen) {
        pen.strokeStyle = colour("--ink");
        pen.lineWidth = 2;
        pen.strokeRect(left, top, Math.max(2, right - left - 1), ROW - 3);
      }
      if (right - left > 40) {
        pen.fillStyle = colour("--on-accent");
        pen.save();
        pen.beginPath();
        pen.rect(left, top, right - left - 4, ROW);
        pen.clip();
        pen.fillText(`${one.type} ${one.name}`, left + 4, top + ROW / 2 - 1);
        pen.restore();
      }
      pen.globalAlpha = 1;
    });
  }

  function tell(index) {
    chosen = index;
    const one = layers[index];
    hit.textContent = one ? `${one.name} (${one.type}): ${one.ms.toPrecision(4)} ms from ${one.start.toPrecision(4)} ms` : "";
    draw();
  }

  function zoom(by, at = (from + to) / 2) {
    const width = Math.min(end, Math.max(end / 5000, (to - from) * by));
    from = Math.min(Math.max(0, at - ((at - from) / (to - from)) * width), end - width);
    to = from + width;
    draw();
  }

  function move(by) {
    const width = to - from;
    from = Math.min(Math.max(0, from + by * width), end - width);
    to = from + width;
    draw();
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [from + ((event.clientX - box.left) / box.width) * (to - from), Math.floor((event.clientY - box.top - TOP) / ROW)];
  }

  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : 0.8, place(event)[0]); }, { passive: false });
  canvas.addEventListener("click", (event) => {
    const [ms, row] = place(event);
    tell(layers.findIndex((one) => one.depth === row && one.start <= ms && ms < one.start + one.ms));
  });
  canvas.addEventListener("keydown", (event) => {
    const keys = { ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": () => zoom(0.7), "-": () => zoom(1.4), Home: () => { [from, to] = [0, end]; draw(); } };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(0.6));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(1.6));
  document.getElementById("zoom-all").addEventListener("click", () => { [from, to] = [0, end]; draw(); });
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    const found = wanted ? layers.filter((one) => `${one.name} ${one.type}`.toLowerCase().includes(wanted)) : [];
    hit.textContent = wanted ? `${found.length} layers, ${found.reduce((sum, one) => sum + one.ms, 0).toPrecision(4)} ms` : "";
    draw();
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const wanted = find.value.toLowerCase();
    const held = (one) => wanted && `${one.name} ${one.type}`.toLowerCase().includes(wanted);
    // From the one that is chosen on, and around.
    const next = [...layers.keys()].map((n) => (chosen + 1 + n) % layers.length).find((n) => held(layers[n]));
    if (next === undefined) return;
    const { start, ms } = layers[next];
    const width = Math.min(end, Math.max(20 * ms, end / 5000));
    from = Math.min(Math.max(0, start + ms / 2 - width / 2), end - width);
    to = from + width;
    tell(next);
  });
  let seen = 0;
  new ResizeObserver(() => { if (canvas.clientWidth !== seen) { seen = canvas.clientWidth; draw(); } }).observe(canvas);
  // Another screen, or another zoom of the page: the width may stay, the pixels do not.
  const sharpen = () => {
    draw();
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", sharpen, { once: true });
  };
  sharpen();
  // Hidden tabs are not painted, and may have lost what was.
  document.addEventListener("visibilitychange", draw);
  // What is drawn is lost when the browser's painter ends and begins again.
  canvas.addEventListener("contextrestored", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
