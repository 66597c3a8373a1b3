// Inside Airflow's page: its light or dark, and links out of the frame. The page works without it.
(function () {
  "use strict";
  let outer = null;
  try {
    outer = window.parent !== window && window.parent.document ? window.parent : null;
  } catch (error) {
    outer = null; // another site's page: none of our business
  }
  if (!outer) return;
  const theirs = outer.document.documentElement;
  function follow() {
    const dark = theirs.classList.contains("dark") || theirs.style.colorScheme === "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }
  follow();
  new MutationObserver(follow).observe(theirs, { attributes: true, attributeFilter: ["class", "style"] });
  document.addEventListener("click", function (event) {
    const link = event.target.closest("a[data-out]");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    event.preventDefault();
    // The frame may not open or move windows; the page around it may.
    const theirLink = outer.document.createElement("a");
    theirLink.href = link.href;
    if (link.dataset.out === "new" || event.ctrlKey || event.metaKey || event.shiftKey) {
      theirLink.target = "_blank";
      theirLink.rel = "noopener";
    }
    theirLink.click();
  });
})();
