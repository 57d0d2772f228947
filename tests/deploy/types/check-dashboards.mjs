// Checks Grafana dashboards against the types of @grafana/schema:
//
//     node check-dashboards.mjs FILE.json...
//
// Those of the dashboard, and for each panel those of its own kind's options and
// field settings, so that a misspelt or misplaced key anywhere is refused.
// Prints tsc's complaints and ends with 1 where there are any.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const raw = "@grafana/schema/dist/types/raw";
const kinds = { timeseries: "TimeSeries", stat: "Stat", table: "Table", heatmap: "Heatmap" };

const imports = [`import type * as d from "../${raw}/dashboard/x/dashboard_types.gen";`];
const panels = [];
for (const [kind, name] of Object.entries(kinds)) {
  imports.push(`import type * as ${kind} from "../${raw}/composable/${kind}/panelcfg/x/${name}PanelCfg_types.gen";`);
  const fields = kind === "stat" ? "Record<string, never>" : `Partial<${kind}.FieldConfig>`;
  panels.push(`PanelOf<"${kind}", Partial<${kind}.Options>, ${fields}>`);
}
const types = `${imports.join("\n")}
// An enum's values as JSON holds them.
type Plain<T> = T extends string ? \`\${T}\` : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Query = {
  refId: string; datasource: d.DataSourceRef; editorMode: "code"; expr: string; legendFormat: string;
  range: boolean; instant: boolean; format?: "heatmap" | "table";
};
type PanelOf<Type, Options, Fields> = Omit<d.Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type; options: Options; targets: Query[];
  fieldConfig: Omit<d.FieldConfigSource, "defaults"> & { defaults: Omit<d.FieldConfig, "custom"> & { custom?: Fields } };
};
// Grafana's types hold only what annotations of every data source have.
type Annotation = d.AnnotationQuery & {
  expr: string; titleFormat: string; textFormat: string; tagKeys: string; useValueForTime: boolean;
};
export type Board = Plain<Omit<d.Dashboard, "panels" | "annotations"> & {
  panels: (${panels.join(" | ")} | d.RowPanel)[]; annotations: { list: Annotation[] };
}>;
`;

// Inside this folder, for its node_modules.
const work = mkdtempSync(join(here, "node_modules/.check-"));
try {
  writeFileSync(join(work, "types.ts"), types);
  const sources = process.argv.slice(2).map((file) => {
    const source = join(work, `${basename(file)}.ts`);
    writeFileSync(
      source, `import type { Board } from "./types";\nexport const board: Board = ${readFileSync(file, "utf8")};`);
    return source;
  });
  execFileSync(
    process.execPath,
    [join(here, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext",
     "--moduleResolution", "bundler", "--target", "es2022", "--pretty", "false", ...sources],
    { encoding: "utf8", stdio: "pipe" });
  console.log(`${sources.length} dashboards fit their types`);
} catch (error) {
  console.log(error.stdout ?? String(error));
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
