// What a machine printed last, read again while it is looked at.
import { find, plainLines, setFacts, setText } from "./dom.js";
import { confirmed, fail, tell } from "./dialog.js";
import { machineFacts } from "./machines.js";

const LINES = 200;
const AGAIN_MS = 1500;

/** @returns a function that opens the console of a machine, by its id */
export function consolePanel(model, api) {
  const dialog = find("console");
  const text = dialog.querySelector("pre");
  const note = dialog.querySelector(".note");
  let id = null;
  let timer = null;

  async function read() {
    clearTimeout(timer);
    const asked = id;
    let again = true;
    try {
      const told = await api.json("GET", `machines/${encodeURIComponent(asked)}/console?lines=${LINES}`);
      if (asked !== id) return;
      show(told.text);
    } catch (error) {
      if (asked !== id) return;
      again = error.status !== 404;
      setText(note, again ? error.message : "This machine is gone; this is what was read last.");
    }
    drawFacts();
    if (again && dialog.open && asked === id) timer = setTimeout(read, document.hidden ? 4 * AGAIN_MS : AGAIN_MS);
  }

  function show(told) {
    const lines = plainLines(told);
    setText(note, lines.trim() ? `The last ${LINES} lines at most, read again every ${AGAIN_MS / 1000} s.`
      : "It has printed nothing yet.");
    if (text.textContent !== lines) text.textContent = lines;
    if (find("console-follow").checked) text.scrollTop = text.scrollHeight;
  }

  function drawFacts() {
    const machine = model.machines.get(id);
    if (machine) setFacts(dialog.querySelector("dl"), machineFacts(machine));
    find("kill-machine").disabled = !machine;
  }

  find("kill-machine").addEventListener("click", async () => {
    const killed = id;
    const sure = await confirmed(
      `Kill machine ${killed}?`,
      "It ends at once. Its set goes back into the queue and is run again later.",
      "Kill it",
    );
    if (!sure) return;
    try {
      model.apply("machine", await api.json("POST", `machines/${encodeURIComponent(killed)}/kill`));
      tell(`Machine ${killed} was killed.`);
    } catch (error) {
      fail(error, note);
    }
  });
  dialog.addEventListener("close", () => {
    id = null;
    clearTimeout(timer);
  });

  return (machine) => {
    id = machine;
    setText(find("console-title"), `Console of ${machine}`);
    text.textContent = "";
    setText(note, "Reading ...");
    drawFacts();
    dialog.showModal();
    void read();
  };
}
