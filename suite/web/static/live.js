"use strict";
// A run while it goes on: events of the server, which reads the run's own files.
(() => {
  const at = (id) => document.getElementById(id);
  const style = getComputedStyle(document.documentElement);
  const points = [[], []];
  let plot = null;

  function clock(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    const whole = Math.round(seconds);
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
  }

  function draw() {
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--ink"), grid: { stroke: colour("--grid") }, ticks: { stroke: colour("--grid") } };
    const width = at("plot").clientWidth;
    if (!plot && points[0].length > 1) {
      plot = new uPlot({
        width, height: 220, legend: { show: false }, scales: { x: { time: false } },
        series: [{}, { stroke: colour("--series-0"), width: 2 }],
        axes: [{ ...axis, label: "seconds" }, { ...axis, label: "samples/s", size: 70 }],
      }, points, at("plot"));
    } else if (plot) {
      plot.setData(points);
    }
  }

  function show(told) {
    const now = told.progress;
    at("state").textContent = told.state + (told.status ? ` with status ${told.status}` : "");
    at("phase").textContent = told.turn ? `turn ${told.turn.join(" of ")}, when the machine is free` : now ? `${now.test}${now.runs > 1 ? ` ${now.run} of ${now.runs}` : ""}: ${now.phase}` : "";
    at("elapsed").textContent = clock(now?.elapsed_s);
    at("left").textContent = clock(now?.left_s);
    at("answered").textContent = now ? `${now.queries_answered.toLocaleString()} of ${now.queries_issued.toLocaleString()}` : "–";
    at("rate").textContent = now?.samples_per_second ? now.samples_per_second.toPrecision(4) : "–";
    at("latency").textContent = now?.latency
      ? ["p50_ms", "p90_ms", "p99_ms"].map((key) => now.latency[key].toPrecision(3)).join(", ") + " ms" : "–";
    at("noise").textContent = now?.noise
      ? `${now.noise.others_percent.toFixed(1)} %, ${now.noise.steal_percent.toFixed(1)} %` : "–";
    at("noisy").hidden = !told.noisy;
    const bar = at("bar");
    if (now?.left_s) {
      bar.max = now.elapsed_s + now.left_s;
      bar.value = now.elapsed_s;
    } else {
      bar.removeAttribute("value");
    }
    bar.hidden = told.state !== "running";
    // Nothing is known any more of a test that was over when the page was opened.
    const unknown = !["running", "waiting", "cancelling"].includes(told.state) && !now && !points[0].length;
    document.querySelector("dl.live").hidden = at("plot").parentElement.hidden = unknown;
    const cancel = at("cancel");
    if (cancel) cancel.hidden = !["running", "waiting"].includes(told.state);
    if (at("log") && told.log) {
      at("log").textContent = told.log;
      at("log").scrollTop = at("log").scrollHeight;
    }
    if (told.run) {
      at("rehearsal").hidden = !told.run.rehearsal.length;
      at("rehearsal").textContent = `rehearsal: ${told.run.rehearsal.join("; ")}`;
      at("tests").replaceChildren(...Object.entries(told.run.tests).map(([name, test]) => {
        const item = document.createElement("li");
        item.textContent = `${name}: ${test.status}${test.error ? `, ${test.error}` : ""}`;
        return item;
      }));
      at("to-run").href = `/runs/${told.run.uid}`;
      at("result").hidden = ["running", "cancelling"].includes(told.state);
    }
    if (now?.samples_per_second) {
      points[0].push(now.elapsed_s);
      points[1].push(now.samples_per_second);
      draw();
    }
  }

  show(JSON.parse(at("told").textContent));
  const events = new EventSource(at("live").dataset.events);
  events.addEventListener("message", (event) => show(JSON.parse(event.data)));
  events.addEventListener("over", () => events.close());
  addEventListener("resize", () => plot?.setSize({ width: at("plot").clientWidth, height: 220 }));
})();
