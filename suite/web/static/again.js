"use strict";
// Asks again until the page is there, and says meanwhile how far it is.
const again = async () => {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.status !== 503) {
      location.reload();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("mend").textContent = page.getElementById("mend").textContent;
  } catch {
    document.getElementById("mend").textContent = "The server does not answer; start it again.";
  }
  setTimeout(again, 1500);
};
setTimeout(again, 1500);
