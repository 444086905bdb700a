// Dialogs: what they share. The browser keeps the focus within, and gives it back.
import { find, setText } from "./dom.js";

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    // Only the dialog itself is hit beside its content, and only its backdrop lies outside.
    if (event.target !== dialog || dialog.id === "sign-in") return;
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (x < left || x > right || y < top || y > bottom) dialog.close();
  });
}

/** Asks before what cannot be taken back. @returns whether it was confirmed */
export function confirmed(title, text, verb) {
  const dialog = find("confirm");
  const form = dialog.querySelector("form");
  const [no, yes] = dialog.querySelectorAll("button");
  setText(find("confirm-title"), title);
  setText(find("confirm-text"), text);
  setText(yes, verb);
  return new Promise((resolve) => {
    let answer = false;
    form.onsubmit = (event) => {
      event.preventDefault();
      answer = true;
      dialog.close();
    };
    no.onclick = () => dialog.close();
    dialog.onclose = () => resolve(answer);
    dialog.showModal();
    no.focus();
  });
}

let failures = 0;

/** One line of what went wrong, at the top of the page or in `place`; gone after a while. */
export function fail(error, place = find("failure")) {
  setText(place, error.message);
  const mine = ++failures;
  if (place.id === "failure") setTimeout(() => mine === failures && setText(place, ""), 20_000);
}

/** What was done, for those who see the page and those who hear it. */
export function tell(text) {
  setText(find("told"), text);
  setText(find("failure"), "");
}
