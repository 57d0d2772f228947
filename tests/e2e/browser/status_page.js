// Opens a status page in Debian's Chromium and tells what it shows, as JSON lines on stdout:
//
//     node status_page.js URL SCENARIO FOLDER
//
// live: the page as it is, a line for each line read from stdin ("look", "end").
// made: the page with answers made here: hostile names, many apps, an exporter that goes away.
"use strict";
const {chromium} = require("playwright-core");
const readline = require("node:readline");

const [url, scenario, folder] = process.argv.slice(2);
const PATIENCE_MS = 120000;  // The machine may be busy with other things.
const tell = (facts) => console.log(JSON.stringify(facts));

const look = (page) =>
  page.evaluate(() => ({
    title: document.title,
    overall: document.getElementById("overall").textContent,
    notices: [...document.querySelectorAll("#notices > *")].map((notice) => notice.textContent),
    apps: [...document.querySelectorAll("article")].map((card) => ({
      name: card.querySelector("h2").textContent,
      status: card.querySelector(".pill").textContent,
      why: card.querySelector(".why").textContent,
      squares: card.querySelectorAll(".square").length,
      working: card.querySelectorAll(".square.working").length,
      workers: [...card.querySelectorAll(".square")].map((square) => [square.title, square.className.replace(/^square /, "")]),
      told: card.querySelector(".told").textContent,
      hints: [...card.querySelectorAll(".hints li")].map((hint) => hint.textContent),
      upstreams: [...card.querySelectorAll(".upstreams li")].map((upstream) => upstream.textContent),
      numbers: Object.fromEntries([...card.querySelectorAll(".numbers div")].map((pair) => [
        pair.querySelector("dt").textContent, pair.querySelector("dd").textContent])),
      heading: card.querySelector(".plots .heading").textContent,
      pointed: card.querySelector(".plots").getAttribute("aria-valuetext"),
      plots: [...card.querySelectorAll(".plot:not([hidden])")].map((plot) => ({
        title: plot.querySelector("p span").textContent,
        values: [...plot.querySelectorAll(".value")].map((value) => value.textContent),
        top: plot.querySelector(".marks span").textContent,
        times: [...plot.querySelectorAll(".times span")].map((time) => time.textContent),
        lines: [...plot.querySelectorAll(".line")].map((line) => line.getAttribute("d")),
      })),
    })),
    wide: document.documentElement.scrollWidth > innerWidth,
    injected: document.querySelectorAll("main img, main script").length,
    more: document.getElementById("more").hidden ? "" : document.getElementById("more").textContent,
    links: [...document.querySelectorAll("a")].map((link) => link.href),
    focus: document.activeElement.id || document.activeElement.href || document.activeElement.tagName,
    legend: !document.getElementById("legend").hidden,
    stale: document.body.classList.contains("stale"),
  }));

const HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>\"'&";

function app(name, more) {
  return Object.assign({
    app: name, status: "ok", configured: true, message: name + " is well", tags: {env: HOSTILE}, worker_class: "sync",
    masters: 1, workers: {idle: 3, working: 1, unknown: 0}, dirty_workers: null, connections: 2,
    queue: {length: 0, limit: 64, full: false, overflows_total: 0}, requests_total: 100, status_codes: {"200": 100}, errors_total: 0,
    duration: {p50: 0.01, p95: 0.2, max: 1, count_total: 100, sum_total: 3}, log_messages: {error: 1},
    cpu_seconds_total: 1, resident_bytes: 1e8, master_start_seconds: 0, heartbeat_age_seconds: null,
    last_packet_seconds: 999, hints: [], waits: "", upstreams: [], requests_in_progress: 2,
    oldest_request_age_seconds: 0.5, requests_lost_total: 0, worker_list: [], last_minute: {seconds: 60, requests_per_second: 10, error_ratio: 0.05},
  }, more);
}

// Of every app but one; a point's rate is its number less 1000. The first 30 are not known, nor is one between.
function history(after, newest) {
  const first = Math.max(newest - 179, after + 1);
  const points = Array.from({length: newest - first + 1}, (_, i) => first + i - 1000);
  const values = (make) => points.map((point) => (point < 30 || point === 100 ? null : make(point)));
  const names = [HOSTILE + "x".repeat(300), "down", ...Array.from({length: 100}, (_, i) => "app" + i)].filter((name) => name !== "app3");
  return {time: 2000 + 5 * newest, interval_seconds: 5, kept: 180, first, newest, newest_age_seconds: 0, apps_without: 1,
    apps: names.map((name) => ({app: name, requests_per_second: values((point) => point), error_ratio: values(() => 0.05),
      p50_seconds: values(() => 0.01), p95_seconds: values(() => 0.2), max_seconds: values((point) => point / 100),
      working: values(() => 1), requests_in_progress: values(() => 2), queue_length: values(() => null),
      oldest_request_age_seconds: values((point) => point % 7)}))};
}

async function watch(page) {
  page.setDefaultTimeout(PATIENCE_MS);
  const troubles = [];
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") ||
    troubles.push("asks for " + request.url()));
  return troubles;
}

async function live(browser) {
  const page = await browser.newPage();
  const troubles = await watch(page);
  await page.goto(url);
  await page.waitForSelector("article");
  for await (const line of readline.createInterface({input: process.stdin})) {
    if (line === "end") break;
    tell({...(await look(page)), troubles});
  }
  await page.screenshot({path: folder + "/live.png", fullPage: true});
  await page.locator("article").first().screenshot({path: folder + "/card.png"});
}

async function made(browser) {
  const context = await browser.newContext({viewport: {width: 360, height: 780}, colorScheme: "dark"});
  const page = await context.newPage();
  const troubles = await watch(page);
  const ages = [0.5, 1, 5, 15];
  const working = ages.map((age, i) => ({pid: 4711 + i, state: "working", requests_in_progress: 1, oldest_request_seconds: age}));
  working[3].requests_in_progress = 2;
  const listed = [...working, {pid: 4715, state: "idle", requests_in_progress: 0, oldest_request_seconds: 0},
    {pid: 4716, state: "working", requests_in_progress: 1, oldest_request_seconds: null}];
  let answers = 0;
  let gone = false;
  const statsd = {packets: {udp: 1}, lines: {udp: 4}, errors: {bad_value: 2}, ignored: {}, dropped: 0, refused_series: 0, series: 9,
    examples: [{reason: "bad_value", line: HOSTILE + "x".repeat(150), sender: "127.0.0.1:4321", time: 990}]};
  await page.route("**/api/v1/status", (route) => {
    if (gone) return route.abort();
    ++answers;
    const waiting = {waits: "8 requests wait for 10.0.0.5:5432, the oldest for 12 s", upstreams: [
      {peer: "10.0.0.5:5432", waits: 8, oldest_wait_seconds: 12.5, connections: 24},
      {peer: "[::1]:6379", waits: 0, oldest_wait_seconds: 0, connections: 1}]};
    const apps = [app(HOSTILE + "x".repeat(300), waiting), app("down", {status: "critical", message: "no master", hints: [HOSTILE]}),
      app("crowd", {workers: {idle: 195, working: 5, unknown: 0}, worker_list: listed})];
    for (let i = 0; i < 100; ++i) apps.push(app("app" + i, {requests_total: 100 + 20 * answers}));
    return route.fulfill({json: {version: "1", time: 1000 + 2 * answers, status: "critical", apps, statsd,
      collectors: [{collector: "process", success: true, duration_seconds: 0.01}], hints: [HOSTILE]}});
  });
  const asked = [];  // Which points of the history.
  let held = null;   // Until then it is not answered.
  await page.route("**/api/v1/history*", async (route) => {
    if (gone) return route.abort();
    const after = new URL(route.request().url()).searchParams.get("after");
    asked.push(after === null ? null : Number(after));
    const answer = history(after === null ? -1 : Number(after), 1178 + asked.length);
    await held;
    return route.fulfill({json: answer});
  });
  await page.clock.install();
  await page.goto(url);
  await page.waitForSelector("article");
  for (let i = 0; i < 20; ++i) {
    const before = answers;
    await page.clock.runFor(2000);
    while (answers === before) await new Promise((done) => setTimeout(done, 5));
  }
  const press = () => page.evaluate(() => document.getElementById("pause").click());
  // Paused and resumed while an answer is under way: nothing is asked for twice.
  let release;
  held = new Promise((done) => (release = done));
  for (const before = asked.length; asked.length === before;) await page.clock.runFor(2000);
  for (let i = 0; i < 2; ++i) await press();
  release();
  await press();  // So that nothing new comes.
  const one = async () => (await look(page)).apps.find((seen) => seen.name === "app7");
  while (!(await one()).pointed.includes("requests/s " + (178 + asked.length) + ",")) await new Promise((done) => setTimeout(done, 5));
  tell({...(await look(page)), troubles, asked});
  await page.screenshot({path: folder + "/made.png"});
  // By keyboard: to the pause button, to the filter; the filter finds the one.
  const stops = [];
  for (let i = 0; i < 3; ++i) {
    await page.keyboard.press("Tab");
    stops.push((await look(page)).focus);
  }
  // The plots' pointer.
  const plots = page.locator("article").filter({has: page.locator("h2", {hasText: /^app7$/})}).locator(".plots");
  const drawing = plots.locator("svg").first();
  await drawing.scrollIntoViewIfNeeded();
  const {width} = await drawing.boundingBox();
  await drawing.hover({position: {x: width * 0.75, y: 20}});
  const onPlot = await one();
  await page.mouse.move(1, 1);
  const left = await one();
  await plots.focus();
  for (const key of ["ArrowLeft", "ArrowLeft", "PageDown", "ArrowRight"]) await page.keyboard.press(key);
  const moved = await one();
  await page.keyboard.press("Home");
  const home = await one();
  await page.keyboard.press("Escape");
  tell({pointed: onPlot, left, moved, home, end: await one()});
  await press();
  // Into the workers' squares, and among them.
  const crowd = page.locator("article", {hasText: "crowd"});
  await crowd.locator(".square[tabindex='0']").focus();
  const pointed = [await crowd.locator(".told").textContent()];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"]) {
    await page.keyboard.press(key);
    pointed.push(await crowd.locator(".told").textContent());
  }
  await crowd.locator(".square").nth(4).hover();
  pointed.push(await crowd.locator(".told").textContent());
  await crowd.screenshot({path: folder + "/crowd.png"});
  await page.focus("#filter");
  await page.keyboard.type("down");
  const filtered = (await look(page)).apps.map((one) => one.name);
  gone = true;
  await page.clock.runFor(2000);
  await page.waitForSelector("body.stale");
  tell({stops, pointed, filtered, gone: await look(page)});
}

(async () => {
  // Without its sandbox: the tests run as root.
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], timeout: PATIENCE_MS});
  try {
    await (scenario === "live" ? live : made)(browser);
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
