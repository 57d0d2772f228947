// What happened to each app in the last quarter of an hour, as api/v1/history tells it, and the plots of it. Every text
// that comes from an answer is set as text, never as markup. Stands before page.js in the page's one script.

const keyOf = (app) => [app.app, app.pod_uid || "", app.container_id || ""].join("\n");

// The points of all apps; `null` where a value is not known.
const appHistory = {
  kept: 180,
  newest: null,      // The number of the last point.
  newestTime: 0,     // Its time, by the exporter's clock, in milliseconds.
  seconds: 5,        // Between two points.
  full: false,       // More apps are known than have a history.
  apps: new Map(),   // App's key -> {field: its values, the newest last}.

  take(answer) {
    if (answer.newest === null) return;
    const goesOn = this.newest !== null && answer.newest >= this.newest;
    const missed = goesOn ? answer.first - this.newest - 1 : 0;
    const apps = new Map();
    for (const app of answer.apps) {
      const before = goesOn ? this.apps.get(keyOf(app)) : undefined;
      const values = {};
      for (const [field, list] of Object.entries(app)) {
        if (!Array.isArray(list)) continue;
        const all = (before?.[field] || []).concat(Array(Math.min(missed, answer.kept)).fill(null), list);
        values[field] = Array(Math.max(0, answer.kept - all.length)).fill(null).concat(all.slice(-answer.kept));
      }
      apps.set(keyOf(app), values);
    }
    Object.assign(this, {apps, kept: answer.kept, newest: answer.newest, seconds: answer.interval_seconds,
      newestTime: (answer.time - answer.newest_age_seconds) * 1000, full: answer.apps_without > 0});
  },

  clockAt(number) {
    return new Date(this.newestTime - (this.newest - number) * this.seconds * 1000).toLocaleTimeString();
  },
};

// Title, how its values are written, and its lines: field, name, class.
const PLOTS = [
  ["requests/s", rate, [["requests_per_second", "", ""]]],
  ["5xx or lost", percent, [["error_ratio", "", "bad"]]],
  ["latency", seconds, [["max_seconds", "max", "faint"], ["p95_seconds", "p95", ""], ["p50_seconds", "p50", "dashed"]]],
  ["oldest request", seconds, [["oldest_request_age_seconds", "", ""]]],
  ["busy", count, [["working", "workers", ""], ["requests_in_progress", "requests", "dashed"]]],
  ["queue", count, [["queue_length", "", ""]]],
];
const HEIGHT = 40;  // Of a plot's own units; a point is one wide.

// The least of 1, 2, 5, 10, ... that is not less.
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
}

function makeSvg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function makePlot([title, format, lines]) {
  const box = make("div", "plot");
  const caption = make("p");
  const heading = caption.appendChild(make("span", "", title));
  const key = lines.length > 1 ? "key " : "";  // Underlined as its line is drawn.
  const values = lines.map(([, , look]) => caption.appendChild(make("span", "value " + key + look)));
  const top = make("span", "top-mark");
  const svg = makeSvg("svg", {viewBox: "0 0 " + (appHistory.kept - 1) + " " + HEIGHT, preserveAspectRatio: "none"});
  const third = (appHistory.kept - 1) / 3;
  svg.append(makeSvg("path", {class: "grid", d: [0, 1, 2, 3].map((i) => "M" + i * third + " 0V" + HEIGHT).join("") +
    "M0 0H" + appHistory.kept + "M0 " + HEIGHT / 2 + "H" + appHistory.kept + "M0 " + HEIGHT + "H" + appHistory.kept}));
  const paths = lines.map(([, , look]) => svg.appendChild(makeSvg("path", {class: "line " + look})));
  const cursor = svg.appendChild(makeSvg("path", {class: "cursor"}));
  const times = make("div", "times");
  times.append(...["−15 min", "−10", "−5", "now"].map((text) => make("span", "", text)));
  const marks = make("div", "marks");
  marks.append(top, make("span", "", "0"));
  box.append(caption, marks, svg, times);
  return {box, heading, title, format, lines, values, top, svg, paths, cursor};
}

function drawPlot(plot, of) {
  const lists = plot.lines.map(([field]) => of?.[field] || []);
  const known = lists.flat().filter((value) => value !== null);
  plot.box.hidden = known.length === 0;
  const top = roundUp(Math.max(0, ...known));
  setText(plot.top, plot.format(top).replace(/\.0+(?= |$)/, ""));
  lists.forEach((list, which) => {
    let line = "";
    let pen = false;
    list.forEach((value, i) => {
      if (value !== null) line += (pen ? "L" : "M") + i + " " + (HEIGHT * (1 - value / top)).toFixed(1) + (pen ? "" : "h0");
      pen = value !== null;
    });
    plot.paths[which].setAttribute("d", line);
  });
}

// The plots of one app, and one pointer in all of them: the mouse's, or that of the arrow keys.
function makePlots() {
  const plots = PLOTS.map(makePlot);
  const box = make("div", "plots");
  box.tabIndex = 0;
  box.setAttribute("role", "slider");
  box.setAttribute("aria-valuemax", "0");
  const heading = make("p", "heading");
  box.append(heading, ...plots.map((plot) => plot.box));
  let name = "";
  let of = null;       // The app's values.
  let drawn = null;    // The number of the newest point that is drawn.
  let pointed = null;  // The number of the point that is looked at.

  function point() {
    const i = pointed === null ? appHistory.kept - 1 : pointed - appHistory.newest + appHistory.kept - 1;
    if (i < 0) pointed = null;
    const texts = [];
    for (const plot of plots) {
      plot.heading.hidden = pointed !== null && plot.lines.length > 1;  // The values take its room.
      plot.lines.forEach(([field, label], which) => {
        const text = (label && label + " ") + plot.format(of?.[field]?.[i] ?? null);
        setText(plot.values[which], pointed === null ? label : text);
        if (!plot.box.hidden) texts.push(plot.title + " " + text);
      });
      plot.cursor.setAttribute("d", pointed === null ? "" : "M" + i + " 0V" + HEIGHT);
    }
    const at = appHistory.newest === null ? "" : appHistory.clockAt(pointed ?? appHistory.newest);
    setText(heading, of === null ? (appHistory.full ? "No history: it is kept for 200 apps." : "The history begins in a few seconds.") :
      pointed === null ? "The last 15 minutes" : "At " + at);
    box.setAttribute("aria-label", name + ", the last 15 minutes; arrow keys move through them");
    box.setAttribute("aria-valuemin", String(-(appHistory.kept - 1) * appHistory.seconds));
    box.setAttribute("aria-valuenow", String((i - appHistory.kept + 1) * appHistory.seconds));
    box.setAttribute("aria-valuetext", [at, ...texts].join(", "));
  }

  function pointAt(number) {
    if (of === null) return;
    pointed = number === null ? null : Math.min(appHistory.newest, Math.max(appHistory.newest - appHistory.kept + 1, number));
    point();
  }

  box.addEventListener("pointermove", (event) => {
    const frame = plots.find((plot) => plot.box.contains(event.target))?.svg.getBoundingClientRect();
    if (!frame) return;
    const back = (1 - (event.clientX - frame.left) / frame.width) * (appHistory.kept - 1);
    pointAt(appHistory.newest - Math.round(back));
  });
  box.addEventListener("pointerleave", () => pointAt(null));
  box.addEventListener("blur", () => pointAt(null));
  box.addEventListener("keydown", (event) => {
    const minute = Math.round(60 / appHistory.seconds);
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -minute, PageUp: minute, Home: -appHistory.kept,
      End: appHistory.kept}[event.key];
    if (event.key === "Escape") pointAt(null);
    else if (step !== undefined) pointAt((pointed ?? appHistory.newest) + step);
    else return;
    event.preventDefault();
  });

  function show(app) {
    if (drawn === appHistory.newest && name === app.app) return;
    drawn = appHistory.newest;
    name = app.app;
    of = appHistory.apps.get(keyOf(app)) || null;
    for (const plot of plots) drawPlot(plot, of);
    point();
  }

  return {box, show};
}
