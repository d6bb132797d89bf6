"use strict";
// The camera: frames go to one model at a time, the next when the last is answered.
(() => {
  const form = document.getElementById("play");
  const start = document.getElementById("camera-start");
  if (!start) return;
  const [stop, box, video, overlay, rate, list] = ["camera-stop", "camera", "video", "overlay", "rate", "live-answer"]
    .map((id) => document.getElementById(id));
  const MOST_SIDE = 960;
  let stream = null;

  function chosen(name) {
    const field = form.elements[name];
    const options = field.options ?? (field.length === undefined ? [field] : field);
    return [...options].find((one) => one.selected || one.checked)?.value;
  }

  async function frame() {
    const scale = Math.min(1, MOST_SIDE / Math.max(video.videoWidth, video.videoHeight));
    const canvas = new OffscreenCanvas(video.videoWidth * scale, video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    const sent = new FormData();
    sent.set("task", form.elements.task.value);
    sent.set("model", chosen("model") ?? "");
    sent.set("framework", chosen("framework") ?? "");
    sent.set(form.querySelector("input[type=file]").name, await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 }), "frame.jpg");
    const answer = await fetch("/play/frame", {
      method: "POST", body: sent,
      headers: { "X-Form-Token": document.querySelector("meta[name=form-token]").content },
    });
    if (!answer.headers.get("content-type").startsWith("application/json")) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      throw new Error(page.querySelector("h1")?.textContent ?? `status ${answer.status}`);
    }
    const told = await answer.json();
    if (told.error) throw new Error(`${told.error}. ${told.fix}`);
    return told;
  }

  function draw(parts) {
    overlay.width = video.videoWidth;
    overlay.height = video.videoHeight;
    const context = overlay.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.lineWidth = Math.max(2, overlay.width / 250);
    for (const part of parts.filter((one) => one.kind === "boxes")) {
      part.rows.forEach((row, index) => {
        context.strokeStyle = style.getPropertyValue(`--series-${index % 6}`);
        context.strokeRect(row.left * overlay.width, row.top * overlay.height,
          (row.right - row.left) * overlay.width, (row.bottom - row.top) * overlay.height);
      });
    }
    list.replaceChildren(...parts.flatMap((part) => part.lines).slice(0, 8).map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
  }

  async function run() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    } catch (error) {
      box.hidden = false;
      rate.textContent = `No camera: ${error.message}`;
      return;
    }
    video.srcObject = stream;
    [box.hidden, start.hidden, stop.hidden] = [false, true, false];
    await video.play();
    let last = performance.now();
    while (stream) {
      try {
        const told = await frame();
        const now = performance.now();
        rate.textContent = `${(1000 / (now - last)).toFixed(1)} frames/s, predict ${told.ms.toFixed(1)} ms, not a benchmark`;
        last = now;
        draw(told.parts);
      } catch (error) {
        rate.textContent = error.message;
        halt();
      }
    }
  }

  function halt() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    [start.hidden, stop.hidden] = [false, true];
  }

  start.addEventListener("click", run);
  stop.addEventListener("click", halt);
})();
