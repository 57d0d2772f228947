// Asks for api/v1/status every two seconds, and for what is new in the history
// whenever there is a point more, and shows them. Every text that comes from an
// answer is set as text, never as markup. The others of
// this folder stand before it in the page's one script.
(() => {
  const PERIOD_MS = 2000;
  const RATE_SECONDS = 60;    // A rate of lines is taken over the last minute.
  const RED_RATIO = 0.05;     // As the alert GunicornErrorRatioHigh has it.
  const FIRST_CARDS = 60;     // More are shown on request.
  const METRICS_PATH = "/*telemetry-path*/".replace(/^\//, "");

  const $ = (id) => document.getElementById(id);
  const statsdAnswers = [];   // [{time, lines, packets}]: those of a minute.
  const cards = new Map();    // App's key -> its card's parts.
  let shown = FIRST_CARDS;
  let last = null;            // The last answer.
  let heard = 0;              // When it came.
  let paused = false;
  let asking = false;
  let timer = 0;
  let historyDue = 0;         // When there is a new point.

  const sum = (object) => Object.values(object).reduce((total, value) => total + value, 0);

  function remember(point) {
    const list = statsdAnswers;
    // A counter that fell began anew with the exporter.
    const before = list[list.length - 1];
    if (before && (point.lines < before.lines || point.time < before.time)) list.length = 0;
    list.push(point);
    while (list.length > 2 && point.time - list[1].time >= RATE_SECONDS) list.shift();
  }

  // Per second; null where there is one answer only.
  function rateOf(field) {
    const then = statsdAnswers[0];
    const now = statsdAnswers[statsdAnswers.length - 1];
    return now.time > then.time ? (now[field] - then[field]) / (now.time - then.time) : null;
  }

  // ---- one app

  const NUMBERS = [
    ["rate", "requests/s"], ["errors", "5xx or lost"], ["p50", "p50"], ["p95", "p95"], ["max", "max"],
    ["busy", "in progress"], ["oldest", "oldest request"],
    ["queue", "queue"], ["connections", "connections"], ["memory", "memory"], ["total", "requests"],
    ["logs", "errors logged"], ["statsd", "last StatsD"],
  ];

  const PILLS = {
    ok: ["good", "✓ OK"],
    critical: ["bad", "✕ CRITICAL"],
    remote: ["warn", "StatsD only"],
  };

  function makeCard() {
    const card = make("article", "card");
    const parts = {card, name: make("h2"), pill: make("p", "pill"), why: make("p", "why"), tags: make("ul", "tags"),
      workers: makeWorkers(), values: {}, hints: make("ul", "hints"),
      upstreams: make("ul", "upstreams"),
      plots: makePlots()};
    const names = make("div");
    names.append(parts.name, parts.why);
    const top = make("div", "top");
    top.append(names, parts.pill);
    parts.tags.setAttribute("aria-label", "tags");
    const numbers = make("dl", "numbers");
    for (const [key, label] of NUMBERS) {
      const pair = make("div");
      parts.values[key] = make("dd");
      pair.append(make("dt", "", label), parts.values[key]);
      numbers.append(pair);
    }
    parts.upstreams.setAttribute("aria-label", "what it waits for");
    card.append(top, parts.tags, parts.hints, parts.workers.box, parts.upstreams, numbers, parts.plots.box);
    return parts;
  }

  function showList(element, texts) {
    element.hidden = texts.length === 0;
    const before = [...element.children].map((child) => child.textContent);
    if (before.join("\n") !== texts.join("\n")) {
      element.replaceChildren(...texts.map((text) => make("li", "", text)));
    }
  }

  function upstreamText({peer, waits, oldest_wait_seconds, connections}) {
    const open = peer + ": " + count(connections) + (connections === 1 ? " connection" : " connections");
    return waits > 0 ? open + ", " + count(waits) + " waiting, the oldest " + seconds(oldest_wait_seconds) : open;
  }

  function showNumbers(parts, app, now) {
    const {requests_per_second, error_ratio} = app.last_minute;
    const queue = app.queue.length === null ? "–" :
      count(app.queue.length) + (app.queue.limit ? " of " + count(app.queue.limit) : "");
    const {error = 0, exception = 0, critical = 0} = app.log_messages;
    const texts = {
      rate: rate(requests_per_second),
      errors: percent(error_ratio),
      p50: seconds(app.duration.p50),
      p95: seconds(app.duration.p95),
      max: seconds(app.duration.max),
      busy: count(app.requests_in_progress),
      oldest: seconds(app.oldest_request_age_seconds),
      queue,
      connections: count(app.connections),
      memory: bytes(app.resident_bytes),
      total: count(app.requests_total),
      logs: Object.keys(app.log_messages).length === 0 ? "–" : count(error + exception + critical),
      statsd: app.last_packet_seconds === null ? "never" : ago(now - app.last_packet_seconds),
    };
    for (const [key] of NUMBERS) setText(parts.values[key], texts[key]);
    parts.values.errors.className = error_ratio > RED_RATIO ? "bad" : "";
    parts.values.queue.className = app.queue.full ? "bad" : "";
  }

  function showCard(parts, app, now) {
    const [tone, label] = PILLS[app.status] || ["warn", app.status];
    parts.card.className = "card " + tone;
    parts.pill.className = "pill " + tone;
    setText(parts.pill, label);
    setText(parts.name, app.app);
    const {idle, working, unknown} = app.workers;
    const ok = app.status === "ok";
    const all = idle + working + unknown;
    setText(parts.why, ok ? working + " of " + all + " workers working; " + app.waits : app.message);
    parts.why.hidden = ok && !app.waits;  // The squares say as much.
    showList(parts.upstreams, app.upstreams.map(upstreamText));
    const tags = Object.entries(app.tags).map(([key, value]) => key + "=" + value);
    if (app.worker_class) tags.push(app.worker_class);
    if (app.container_id) tags.push("container " + app.container_id.slice(0, 12));
    showList(parts.tags, tags);
    showList(parts.hints, app.hints);
    showWorkers(parts.workers, app);
    showNumbers(parts, app, now);
    parts.plots.show(app);
  }

  // ---- the whole

  const RANK = {critical: 0, remote: 1, ok: 2};

  function showApps(status) {
    const word = $("filter").value.trim().toLowerCase();
    const wanted = status.apps.filter((app) =>
      (!word || app.app.toLowerCase().includes(word)) && (!$("troubled").checked || app.status === "critical"));
    wanted.sort((a, b) => (RANK[a.status] ?? 0) - (RANK[b.status] ?? 0));
    $("tools").hidden = status.apps.length < 6;
    $("legend").hidden = !status.apps.some((app) => app.worker_list.length > 0);
    const elements = wanted.slice(0, shown).map((app) => {
      const key = keyOf(app);
      if (!cards.has(key)) cards.set(key, makeCard());
      const parts = cards.get(key);
      showCard(parts, app, status.time);
      return parts.card;
    });
    const drawn = elements.length;
    if (drawn === 0) {
      elements.push(make("p", "none", status.apps.length ? "No app matches." :
        "No gunicorn is known yet: none is configured" + (status.hints.length ? "." : ", and none runs here.")));
    }
    const list = $("apps");
    const same = list.children.length === elements.length && elements.every((element, i) => list.children[i] === element);
    if (!same) list.replaceChildren(...elements);
    $("more").hidden = wanted.length <= drawn;
    setText($("more"), "Show more: " + (wanted.length - drawn) + " apps are not shown");
  }

  function showPairs(list, entries) {
    list.replaceChildren(...entries.flatMap(([term, value, bad]) =>
      [make("dt", "", term), make("dd", bad ? "bad" : "", value)]));
  }

  function showOwn(status) {
    const statsd = status.statsd;
    const entries = [
      ["lines/s", rate(rateOf("lines"))],
      ["packets/s", rate(rateOf("packets"))],
    ];
    for (const [transport, value] of Object.entries(statsd.lines)) entries.push(["lines by " + transport, count(value)]);
    for (const [reason, value] of Object.entries(statsd.errors)) {
      if (value > 0) entries.push(["refused: " + reason, count(value), true]);
    }
    for (const [reason, value] of Object.entries(statsd.ignored)) {
      if (value > 0) entries.push(["ignored: " + reason, count(value)]);
    }
    entries.push(["dropped by the kernel", count(statsd.dropped), statsd.dropped > 0]);
    entries.push(["series refused", count(statsd.refused_series), statsd.refused_series > 0]);
    entries.push(["series", count(statsd.series)]);
    showPairs($("statsd"), entries);
    $("examples").replaceChildren(...statsd.examples.map(({reason, line, sender, time}) =>
      make("li", "", "last " + reason + " line, " + ago(status.time - time) + (sender && " from " + sender) + ": " + line)));
    showPairs($("collectors"), status.collectors.map(({collector, success, duration_seconds}) =>
      [collector, success ? "✓ " + seconds(duration_seconds) : "✕ failed", !success]));
  }

  function showNotices(texts, bad) {
    const before = [...$("notices").children].map((child) => child.textContent).join("\n");
    if (before === texts.join("\n")) return;
    $("notices").replaceChildren(...texts.map((text) => make("p", bad ? "notice bad" : "notice", text)));
  }

  function showOverall(status) {
    const critical = status.apps.filter((app) => app.status === "critical").length;
    const checked = status.apps.filter((app) => app.status !== "remote").length;
    const ok = status.status === "ok";
    let text = checked === 1 ? "✓ OK" : "✓ all " + checked + " OK";
    let tone = "good";
    if (!ok) {
      tone = "bad";
      if (critical > 0) text = "✕ " + critical + " of " + checked + " CRITICAL";
      else if (status.apps.length === 0) text = "✕ no gunicorn known";
      else [tone, text] = ["warn", "? not checked"];  // Known from StatsD alone, or the process table is not read.
    }
    $("overall").className = "pill " + tone;
    setText($("overall"), text);
    document.title = text[0] + " gunicorn_exporter";
    setText($("version"), status.version);
  }

  function take(status) {
    const known = new Set(status.apps.map(keyOf));
    for (const key of [...cards.keys()]) {
      if (!known.has(key)) cards.delete(key);
    }
    remember({time: status.time, lines: sum(status.statsd.lines), packets: sum(status.statsd.packets)});
    last = status;
    heard = Date.now();
  }

  function show() {
    if (!last) return;
    showOverall(last);
    showNotices(last.hints, false);
    showApps(last);
    showOwn(last);
    showFreshness(false);
  }

  function showFreshness(stale) {
    document.body.classList.toggle("stale", stale);
    const time = heard ? new Date(heard).toLocaleTimeString() : "never";
    setText($("freshness"), paused ? "paused at " + time : stale ? "last heard: " + time : time);
  }

  function showTrouble(reason) {
    showNotices([reason + ". What stands below is old; asking again."], true);
    $("overall").className = "pill warn";
    setText($("overall"), "? not known");
    document.title = "? gunicorn_exporter";
    showFreshness(true);
  }

  // ---- asking

  async function fetchJson(path) {
    const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(15000)});
    if (!answer.ok) throw new Error("The exporter answered " + answer.status);
    return answer.json();
  }

  async function askHistory() {
    if (Date.now() < historyDue) return;
    const answer = await fetchJson("api/v1/history" + (appHistory.newest === null ? "" : "?after=" + appHistory.newest));
    appHistory.take(answer);
    const age = answer.newest === null ? 0 : answer.newest_age_seconds;
    historyDue = Date.now() + Math.max(1, answer.interval_seconds - age) * 1000;
  }

  async function ask() {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    try {
      const [status] = await Promise.all([fetchJson("api/v1/status"), askHistory()]);
      take(status);
      show();
    } catch (error) {
      console.warn(error);
      showTrouble(error.message.startsWith("The exporter") ? error.message : "The exporter does not answer");
    }
    asking = false;
    if (!paused && !document.hidden) timer = setTimeout(ask, PERIOD_MS);
  }

  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    showFreshness(false);
    if (paused) clearTimeout(timer);
    else ask();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!paused) ask();
  });
  $("filter").addEventListener("input", show);
  $("troubled").addEventListener("change", show);
  $("more").addEventListener("click", () => {
    shown += FIRST_CARDS;
    show();
  });
  for (const link of document.querySelectorAll("[data-link=metrics]")) link.setAttribute("href", METRICS_PATH);
  ask();
})();
