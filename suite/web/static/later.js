"use strict";
// A part of the page that takes longer than the rest: asked for when that is there.
(async () => {
  const place = document.querySelector("[data-later]");
  try {
    const answer = await fetch(place.dataset.later);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    const scripts = [...part.querySelectorAll("script[src]")];
    for (const script of scripts) script.remove();
    place.replaceChildren(...part.head.childNodes, ...part.body.childNodes);
    // A parsed script does not run; each needs those before it.
    for (const { src } of scripts) {
      await new Promise((loaded, failed) => {
        const script = document.createElement("script");
        Object.assign(script, { src, onload: loaded, onerror: () => failed(new Error(`no ${src}`)) });
        place.append(script);
      });
    }
  } catch (error) {
    const said = document.createElement("p");
    said.className = "notice bad";
    said.textContent = `The plots could not be drawn: ${error.message}. Reload the page.`;
    place.replaceChildren(said);
  }
  place.classList.remove("later");
})();
