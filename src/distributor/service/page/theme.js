// Light or dark before anything is painted; hence no module, which would come too late.
"use strict";
{
  const root = document.documentElement;
  const KEY = "distributor-theme";
  const kept = () => {
    try {
      return localStorage.getItem(KEY) || "";
    } catch {
      return ""; // the browser keeps nothing for this page
    }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(kept());
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = root.dataset.theme || "";
    choice.addEventListener("change", () => {
      apply(choice.value);
      try {
        localStorage.setItem(KEY, choice.value);
      } catch {
        // then the choice lasts as long as the page
      }
      root.dispatchEvent(new Event("themechange"));
    });
  });
}
