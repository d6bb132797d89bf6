"use strict";
// Answers as they come: the page's own part is asked for again until all are there.
(async () => {
  const ID = "answers", MS = 700;
  while (document.getElementById(ID).hasAttribute("data-unfinished")) {
    await new Promise((after) => setTimeout(after, MS));
    const answer = await fetch(location.href);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(ID);
    if (!next) {
      // It is not kept any more, and the page says so.
      location.reload();
      return;
    }
    document.getElementById(ID).replaceWith(next);
    document.dispatchEvent(new Event("answers"));
  }
})();
