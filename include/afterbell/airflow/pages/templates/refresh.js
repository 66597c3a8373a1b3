// While something runs the page loads itself again, in place: scrolling, focus and what is typed stay as they are.
(function () {
  "use strict";
  const longest = 60;
  let pause = Number(document.body.dataset.refresh);
  function busy() {
    const here = document.activeElement, chosen = window.getSelection();
    const typing = here && /^(INPUT|SELECT|TEXTAREA)$/.test(here.tagName);
    return document.hidden || typing || (chosen && !chosen.isCollapsed);
  }
  function take(next) {
    const focus = document.activeElement, main = document.getElementById("main");
    const place = focus && main.contains(focus) ? [...main.querySelectorAll("a,button,[tabindex]")].indexOf(focus) : -1;
    const open = [...main.querySelectorAll("details")].map((details) => details.open);
    main.replaceChildren(...next.getElementById("main").childNodes);
    main.querySelectorAll("details").forEach((details, index) => { if (open[index]) details.open = true; });
    document.querySelector("footer").replaceChildren(...next.querySelector("footer").childNodes);
    document.title = next.title;
    if (place >= 0) {
      const again = main.querySelectorAll("a,button,[tabindex]")[place];
      if (again) again.focus({ preventScroll: true });
    }
    pause = Number(next.body.dataset.refresh || 0);
  }
  async function look() {
    if (!busy()) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
        if (answer.status === 401 || answer.status === 403) return; // signed out: no further requests
        if (!answer.ok) throw new Error(answer.status);
        take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch (error) {
        pause = Math.min(longest, pause * 2); // the server is away: what stands here shows its time
      }
    }
    if (pause) setTimeout(look, pause * 1000);
  }
  setTimeout(look, pause * 1000);
})();
