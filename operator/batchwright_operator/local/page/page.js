// Takes each new board that the program sends and exchanges what is different, part by part: what a
// reader has selected, scrolled or focused elsewhere stays as it is.
"use strict";

const board = document.getElementById("board");
const link = document.getElementById("link");

function tell(state, text) {
  link.dataset.state = state;
  link.textContent = text;
}

function outline(root) {
  return Array.from(root.querySelectorAll("[data-part], .server, .card"), (one) => one.id).join(" ");
}

function take(text) {
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  if (outline(board) !== outline(fresh.content)) {
    board.replaceChildren(fresh.content);  // an object or a model came or went
    return;
  }
  for (const part of fresh.content.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(part.id);
    if (shown.innerHTML !== part.innerHTML) {
      shown.innerHTML = part.innerHTML;
    }
  }
}

const source = new EventSource("events");
source.onopen = () => tell("live", "Live");
source.onmessage = (event) => take(event.data);
source.onerror = () => tell("lost", "Not connected: batchwright up does not answer. Trying again.");
