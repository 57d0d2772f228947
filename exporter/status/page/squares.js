// The workers of one app, a square each. Where it is known what each of them has
// in hand, a square's tint says how long the oldest request has waited, and
// words say the rest: "pid 4711: 12 s", under the pointer, with the keyboard (Tab
// into the squares, arrows among them) and for a screen reader. Stands before
// page.js in the page's one script.

const MOST_SQUARES = 96;      // As many as worker_list has.
const TINTS_FROM = [1, 5, 15];  // Seconds, of .age1 to .age3; .age0 is below.

function makeWorkers() {
  const box = make("div", "workers");
  const squares = make("div", "squares");
  squares.setAttribute("role", "group");
  const text = make("span");
  const told = make("span", "told");  // Of the square that is pointed at.
  box.append(squares, text, told);
  const parts = {box, squares, text, told, pointed: null};
  const point = (square) => {
    parts.pointed = square;
    tellPointed(parts);
  };
  for (const coming of ["pointerover", "focusin"]) squares.addEventListener(coming, (event) => point(event.target));
  squares.addEventListener("pointerleave", () => point(squares.querySelector(":focus")));
  squares.addEventListener("focusout", () => point(null));
  squares.addEventListener("keydown", (event) => moveFocus(squares, event));
  return parts;
}

function tellPointed(parts) {
  setText(parts.told, parts.pointed && parts.pointed.isConnected ? parts.pointed.title : "");
}

// One square is among the stops of Tab: the last that was on focus.
function moveFocus(squares, event) {
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  const all = [...squares.querySelectorAll("[tabindex]")];
  const next = step && all[all.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  for (const square of all) square.tabIndex = square === next ? 0 : -1;
  next.focus();
}

function workerWords({pid, state, requests_in_progress, oldest_request_seconds}) {
  const age = oldest_request_seconds === null ? "age not known" :
    oldest_request_seconds < 1 ? "under 1 s" : Math.floor(oldest_request_seconds) + " s";
  if (!requests_in_progress) return "pid " + pid + ": " + state;
  if (requests_in_progress === 1) return "pid " + pid + ": " + age;
  return "pid " + pid + ": " + requests_in_progress + " requests, the oldest " + age;
}

function tintOf({state, oldest_request_seconds}) {
  if (state !== "working") return " " + state;
  return " working age" + TINTS_FROM.filter((from) => oldest_request_seconds >= from).length;
}

// What is drawn: those of worker_list, and the others by their numbers.
function squaresOf(app) {
  const drawn = app.worker_list.map((worker) => ({className: "square" + tintOf(worker), words: workerWords(worker)}));
  for (const state of ["working", "idle", "unknown"]) {
    const listed = app.worker_list.filter((worker) => worker.state === state).length;
    for (let i = listed; i < app.workers[state] && drawn.length < MOST_SQUARES; ++i) {
      drawn.push({className: "square " + state, words: ""});
    }
  }
  return drawn;
}

function drawSquare(square, {className, words}) {
  if (square.className !== className) square.className = className;
  if (square.title === words) return;
  square.title = words;
  if (words) {
    square.setAttribute("role", "img");
    square.setAttribute("aria-label", words);
    if (!square.hasAttribute("tabindex")) square.tabIndex = -1;
  } else {
    for (const name of ["role", "aria-label", "tabindex"]) square.removeAttribute(name);
  }
}

function showWorkers(parts, app) {
  const {idle, working, unknown} = app.workers;
  const {squares} = parts;
  const drawn = squaresOf(app);
  while (squares.children.length > drawn.length) squares.lastElementChild.remove();
  while (squares.children.length < drawn.length) squares.append(make("span"));
  drawn.forEach((one, i) => drawSquare(squares.children[i], one));
  if (!squares.querySelector("[tabindex='0']")) {
    const first = squares.querySelector("[tabindex]");
    if (first) first.tabIndex = 0;
  }
  tellPointed(parts);
  const untold = unknown === 0 ? "" : ", " + unknown + " unknown";
  squares.setAttribute("aria-label", working + " working, " + idle + " idle" + untold + " workers");
  squares.hidden = drawn.length === 0;
  const all = working + idle + unknown;
  const more = all > drawn.length ? " (" + drawn.length + " drawn)" : "";
  const masters = app.masters === 1 ? "1 master" : app.masters + " masters";
  const dirty = app.dirty_workers === null ? "" : ", " + app.dirty_workers + " dirty";
  setText(parts.text, app.status === "remote" ? "" :
    masters + ", " + working + " working, " + idle + " idle" + untold + dirty + more);
}
