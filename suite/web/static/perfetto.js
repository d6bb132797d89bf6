"use strict";
// Perfetto's page says PONG as soon as it listens; the trace is handed to it then.
(async () => {
  const frame = document.getElementById("perfetto");
  const said = document.getElementById("handed");
  const MS = 50;
  const listens = new Promise((resolve) => {
    const asking = setInterval(() => frame.contentWindow.postMessage("PING", location.origin), MS);
    addEventListener("message", (event) => {
      if (event.origin !== location.origin || event.source !== frame.contentWindow || event.data !== "PONG") return;
      clearInterval(asking);
      resolve();
    });
  });
  const answer = await fetch(frame.dataset.trace);
  if (!answer.ok) {
    said.textContent = `the trace cannot be read: status ${answer.status}`;
    return;
  }
  const buffer = await answer.arrayBuffer();
  await listens;
  frame.contentWindow.postMessage({ perfetto: { buffer, title: document.title } }, location.origin);
  said.textContent = "handed over";
})();
