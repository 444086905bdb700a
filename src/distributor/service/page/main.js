// Puts the page together: one model, one connection, and the views that draw from it.
import { addPanel } from "./add.js";
import { Api } from "./api.js";
import { consolePanel } from "./console.js";
import { setPanel } from "./detail.js";
import { find, setAttribute, setText } from "./dom.js";
import { showFleet } from "./fleet.js";
import { showJobs } from "./jobs.js";
import { showMachines } from "./machines.js";
import { Model } from "./model.js";
import { showRatio } from "./ratio.js";
import { showSets } from "./sets.js";
import { Stream } from "./stream.js";

const api = new Api();
const model = new Model();
const stream = new Stream(api, (name, data) => model.apply(name, data), showConnection);
const signIn = find("sign-in");

showFleet(model, api);
const showSetsOf = showSets(model, api, setPanel(api));
showJobs(model, api, showSetsOf);
showMachines(model, consolePanel(model, api));
showRatio(model, api);
find("add").addEventListener("click", addPanel(model, api));

function showConnection(state, wait_s) {
  const words = {
    connecting: "connecting",
    live: "live",
    waiting: `no connection, again in ${wait_s} s`,
    stopped: "signed out",
  };
  const node = find("connection");
  // Those who hear the page are told of a change, not of every try.
  if (state === "connecting" && node.dataset.state === "waiting") return;
  setText(node, words[state]);
  setAttribute(node, "data-state", state);
  document.body.classList.toggle("stale", state === "waiting" || state === "stopped");
  find("reconnect").hidden = state !== "waiting";
}

function askForToken(why = "") {
  stream.stop();
  setText(signIn.querySelector(".failure"), why);
  if (!signIn.open) {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    signIn.showModal();
  }
}

api.denied = () => {
  askForToken(api.token ? "This token is not the service's." : "");
  api.token = "";
};

signIn.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.token = find("token").value;
  find("token").value = "";
  signIn.close();
  stream.start();
});
signIn.addEventListener("cancel", (event) => event.preventDefault());
find("sign-out").addEventListener("click", () => {
  api.token = "";
  askForToken();
});
find("reconnect").addEventListener("click", () => stream.start());
window.addEventListener("online", () => api.token && stream.start());
window.addEventListener("hashchange", () => api.takeToken() && stream.start());

api.takeToken();
if (api.token) stream.start();
else askForToken();
