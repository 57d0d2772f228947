// Checks Kubernetes objects against the types and the schemas of their kinds:
//
//     node check-objects.mjs FILE.json     (a list of objects)
//
// tsc refuses a misspelt or misplaced field, which a schema lets pass; validate()
// refuses what a type cannot say, such as a missing field or a bad pattern.
// Prints one line for every mistake and ends with 1 where there is any.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const objects = JSON.parse(readFileSync(process.argv[2], "utf8"));
// Inside this folder, for its node_modules.
const work = mkdtempSync(join(here, "node_modules/.check-"));
let mistakes = 0;

function complain(where, what) {
  mistakes += 1;
  console.log(`${where}: ${what}`);
}

// "apps/v1" of Kubernetes itself, or a group of the Prometheus operator.
function moduleOf(apiVersion) {
  const operator = apiVersion.startsWith("monitoring.coreos.com/");
  return `${operator ? "@kubernetes-models/prometheus-operator" : "kubernetes-models"}/${apiVersion}`;
}

try {
  const lines = [];
  const names = [];
  for (const object of objects) {
    const name = `${object.kind} ${object.metadata.name}`;
    names.push(name);
    const index = names.length - 1;
    lines.push(`import { I${object.kind} as Type${index} } from "${moduleOf(object.apiVersion)}";`);
  }
  objects.forEach((object, index) => {
    lines.push(`const object${index}: Type${index} = ${JSON.stringify(object)};`);
  });
  lines.push(`export { ${names.map((_, index) => `object${index}`).join(", ")} };`);
  const source = join(work, "objects.ts");
  writeFileSync(source, lines.join("\n"));
  try {
    execFileSync(
      process.execPath,
      [join(here, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
       "--moduleResolution", "nodenext", "--target", "es2022", "--pretty", "false", source],
      { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    for (const line of error.stdout.trim().split("\n")) {
      const at = /objects\.ts\((\d+),/.exec(line);
      complain(at ? names[Number(at[1]) - 1 - names.length] ?? "types" : "types", line);
    }
  }
  const byModule = new Map();
  for (const object of objects) {
    const module = moduleOf(object.apiVersion);
    byModule.set(module, (byModule.get(module) ?? new Set()).add(object.kind));
  }
  const all = join(work, "kinds.mjs");
  writeFileSync(
    all,
    [...byModule].map(([module, kinds]) => `export { ${[...kinds].join(", ")} } from "${module}";`).join("\n"));
  const kinds = await import(pathToFileURL(all).href);
  objects.forEach((object, index) => {
    try {
      new kinds[object.kind](object).validate();
    } catch (error) {
      complain(names[index], error.message);
    }
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${objects.length} objects, ${mistakes} mistakes`);
process.exitCode = mistakes === 0 ? 0 : 1;
