// Draws a dashboard into a PNG with @grafana/ui in Chromium:
//
//     node draw.mjs INPUT.json OUTPUT.png
//
// INPUT is {dashboard, from, to, results}: times in milliseconds, results[panel id]
// = [{refId, series: [{name, labels, values: [[seconds, "value"], ...]}]}].
// Ends with 1 and says which panel where one draws nothing.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const WIDTH = 1600;
const ROW_HEIGHT = 36;
const here = dirname(fileURLToPath(import.meta.url));
const [inputFile, outputFile] = process.argv.slice(2);
const input = JSON.parse(readFileSync(inputFile, "utf8"));
const rows = Math.max(...input.dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
Object.assign(input, { width: WIDTH, height: rows * ROW_HEIGHT });

const work = mkdtempSync(join(tmpdir(), "gunicorn-exporter-draw-"));
try {
  await build({
    entryPoints: [join(here, "page.jsx")],
    outfile: join(work, "page.js"),
    bundle: true,
    format: "iife",
    plugins: [{
      // A CommonJS package whose default import esbuild, as Node.js, takes for all of its exports.
      name: "scrollbars",
      setup({ onResolve, onLoad, resolve }) {
        onResolve({ filter: /^react-custom-scrollbars-2$/ }, ({ pluginData }) =>
          pluginData === "real" ? undefined : { path: "scrollbars", namespace: "scrollbars" });
        onLoad({ filter: /.*/, namespace: "scrollbars" }, async () => {
          const { path } = await resolve("react-custom-scrollbars-2",
            { kind: "require-call", resolveDir: here, pluginData: "real" });
          return { contents: `module.exports = require(${JSON.stringify(path)}).Scrollbars`, resolveDir: here };
        });
      },
    }],
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
    loader: { ".svg": "dataurl", ".woff": "empty", ".woff2": "empty", ".ttf": "empty", ".css": "css" },
    logLevel: "error",
  });
  const style = readFileSync(join(work, "page.css"), "utf8");
  const bundle = readFileSync(join(work, "page.js"), "utf8").replaceAll("</script", "<\\/script");
  const data = JSON.stringify(input).replaceAll("</script", "<\\/script");
  const page = join(work, "page.html");
  writeFileSync(page, `<!doctype html><meta charset="utf-8"><style>${style}</style><body style="background:#111217;margin:8px"><div id="root"></div>
<script>window.__grafana_public_path__ = ""; window.INPUT = ${data}</script><script>${bundle}</script>`);
  const chromium = (...more) => execFileSync(
    "chromium",
    ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
     `--user-data-dir=${join(work, "profile")}`, `--window-size=${WIDTH + 16},${input.height + 24}`,
     "--virtual-time-budget=15000", ...more, `file://${page}`],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120000, maxBuffer: 1 << 28 });
  chromium(`--screenshot=${outputFile}`);
  const title = /<title>(.*?)<\/title>/s.exec(chromium("--dump-dom"))?.[1] ?? "no title";
  if (title !== "drawn") {
    console.log(title);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
