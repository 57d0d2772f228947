// Draws a dashboard with Grafana's own components: each panel at its place, from
// query results that window.INPUT holds (see draw.mjs). @grafana/ui has no heatmap:
// that one is drawn here, as plain cells.
import "uplot/dist/uPlot.min.css";
import React, { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import {
  createTheme, dateTime, FieldType, getDisplayProcessor, getFieldDisplayName, standardTransformers,
  standardTransformersRegistry, ThemeContext, toDataFrame, transformDataFrame,
} from "@grafana/data";
import { BigValue, GlobalStyles, PanelChrome, Table, TimeSeries } from "@grafana/ui";

const CELL = 36;
const GAP = 8;
const theme = createTheme({ colors: { mode: "dark" } });
const { dashboard, results, from, to, height, width } = window.INPUT;
const timeRange = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };

standardTransformersRegistry.setInit(() =>
  // Two names stand for one of them.
  [...new Set(Object.values(standardTransformers))].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation, editor: () => null, imageDark: "", imageLight: "",
  })));

const GRAPH_DEFAULTS = {
  drawStyle: "line", lineInterpolation: "linear", barAlignment: 0, barWidthFactor: 0.6, gradientMode: "none",
  axisPlacement: "auto", axisLabel: "", axisColorMode: "text", axisBorderShow: false, axisCenteredZero: false,
  scaleDistribution: { type: "linear" }, hideFrom: { legend: false, tooltip: false, viz: false },
  thresholdsStyle: { mode: "off" }, pointSize: 5, insertNulls: false,
};

function matches(matcher, name) {
  return matcher.id === "byName" ? name === matcher.options : new RegExp(matcher.options).test(name);
}

// The field's settings as the panel and its overrides say, and how its values are written.
function configure(field, panel, name, seriesIndex) {
  const config = { ...panel.fieldConfig.defaults, custom: { ...GRAPH_DEFAULTS, ...panel.fieldConfig.defaults.custom } };
  for (const override of panel.fieldConfig.overrides) {
    if (matches(override.matcher, name)) {
      for (const { id, value } of override.properties) {
        if (id === "links") continue;
        if (id.startsWith("custom.")) config.custom[id.slice(7)] = value;
        else config[id] = value;
      }
    }
  }
  const numbers = field.values.filter((value) => Number.isFinite(value));
  const range = { min: Math.min(...numbers), max: Math.max(...numbers) };
  range.delta = range.max - range.min;
  const made = { ...field, config: { ...config, ...field.config }, state: { ...field.state, seriesIndex, range } };
  made.display = getDisplayProcessor({ field: made, theme });
  return made;
}

function framesOf(panel) {
  // Not by toDataFrame, which drops a field's state and with it the colours.
  return results[panel.id].flatMap(({ series }) => series).map((series, index) =>
    ({
      name: series.name,
      length: series.values.length,
      fields: [
        { name: "Time", type: FieldType.time, values: series.values.map(([time]) => time * 1000), config: {} },
        configure(
          { name: "Value", type: FieldType.number, values: series.values.map(([, value]) => Number(value)),
            config: { displayNameFromDS: series.name } }, panel, series.name, index),
      ],
    }));
}

function Graph({ panel, width, height }) {
  const frames = framesOf(panel);
  return <TimeSeries frames={frames} timeRange={timeRange} timeZone="utc" width={width} height={height} theme={theme}
    structureRev={1} legend={panel.options.legend} options={panel.options} replaceVariables={(text) => text} />;
}

function Stat({ panel, width, height }) {
  const [frame] = framesOf(panel);
  const field = frame.fields[1];
  const last = field.values.filter((value) => !Number.isNaN(value)).at(-1);
  const value = { ...field.display(last), title: "" };
  return <div data-number>
    <BigValue value={value} width={width} height={height} theme={theme} colorMode={panel.options.colorMode}
      graphMode={panel.options.graphMode} justifyMode="auto"
      sparkline={{ y: field, x: frame.fields[0], timeRange }} />
  </div>;
}

function AsTable({ panel, width, height }) {
  const [data, setData] = useState(null);
  useEffect(() => {
    const frames = results[panel.id].map(({ refId, series }) => {
      const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
      return toDataFrame({
        refId,
        fields: [
          { name: "Time", type: FieldType.time, values: series.map((one) => one.values.at(-1)[0] * 1000) },
          ...labels.map((label) => ({ name: label, type: FieldType.string, values: series.map((one) => one.labels[label]) })),
          { name: results[panel.id].length > 1 ? `Value #${refId}` : "Value", type: FieldType.number,
            values: series.map((one) => Number(one.values.at(-1)[1])) },
        ],
      });
    });
    const subscription = transformDataFrame(panel.transformations ?? [], frames).subscribe(([frame]) => {
      setData({ ...frame, fields: frame.fields.map((field) => {
        const name = getFieldDisplayName(field, frame);
        return configure({ ...field, config: { displayName: field.config.displayName } }, panel, name, 0);
      }) });
    });
    return () => subscription.unsubscribe();
  }, [panel]);
  return data && <Table data={data} width={width} height={height} />;
}

function Heatmap({ panel, width, height }) {
  const rows = results[panel.id][0].series
    .map((series) => ({ le: Number(series.labels.le === "+Inf" ? "Infinity" : series.labels.le), ...series }))
    .sort((one, other) => one.le - other.le);
  const times = rows[0].values.map(([time]) => time);
  // Cumulative buckets to one row each, as Grafana does.
  const cells = rows.map((row, index) =>
    row.values.map(([, value], at) => Number(value) - (index > 0 ? Number(rows[index - 1].values[at]?.[1] ?? 0) : 0)));
  const largest = Math.max(...cells.flat());
  const left = 60, bottom = 20;
  const cellWidth = (width - left) / times.length;
  const cellHeight = (height - bottom) / rows.length;
  return (
    <svg width={width} height={height}>
      {cells.map((row, index) => (
        <g key={index}>
          <text x={left - 6} y={height - bottom - (index + 0.3) * cellHeight} textAnchor="end" fontSize="11"
            fill={theme.colors.text.secondary}>{rows[index].le === Infinity ? "+Inf" : `${rows[index].le} s`}</text>
          {row.map((value, at) => value > 1e-9 && (
            <rect key={at} x={left + at * cellWidth} y={height - bottom - (index + 1) * cellHeight} width={cellWidth}
              height={cellHeight - 1} fill="#ff9830" opacity={0.15 + 0.85 * Math.sqrt(value / largest)} />
          ))}
        </g>
      ))}
      <text x={left} y={height - 5} fontSize="11" fill={theme.colors.text.secondary}>drawn by hand: @grafana/ui has no heatmap</text>
    </svg>
  );
}

const KINDS = { timeseries: Graph, stat: Stat, table: AsTable, heatmap: Heatmap };

class Caught extends React.Component {
  state = {};
  static getDerivedStateFromError(error) {
    return { error };
  }
  componentDidCatch(error) {
    window.FAILURES.push(`${this.props.title}: ${error.message}`);
  }
  render() {
    return this.state.error ? String(this.state.error) : this.props.children;
  }
}

function Panel({ panel }) {
  const unit = width / 24;
  const { x, y, w, h } = panel.gridPos;
  const place = { position: "absolute", left: x * unit, top: y * CELL, width: w * unit - GAP, height: h * CELL - GAP };
  if (panel.type === "row") {
    return <h4 style={{ ...place, lineHeight: `${CELL - GAP}px` }}>{panel.title}</h4>;
  }
  const Kind = KINDS[panel.type];
  return (
    <div style={place} data-panel={panel.id}>
      <PanelChrome title={panel.title} width={place.width} height={place.height} padding="md">
        {(innerWidth, innerHeight) => (
          <Caught title={panel.title}><Kind panel={panel} width={innerWidth} height={innerHeight} /></Caught>)}
      </PanelChrome>
    </div>
  );
}

window.FAILURES = [];
window.addEventListener("error", (event) => window.FAILURES.push(event.message));
createRoot(document.getElementById("root")).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <div style={{ position: "relative", width, height }}>
      {dashboard.panels.map((panel) => <Panel key={panel.id} panel={panel} />)}
    </div>
  </ThemeContext.Provider>);
// A stat is text; it has a canvas only where it has a sparkline.
function isDrawn({ id, type }) {
  const find = (what) => document.querySelector(`[data-panel="${id}"] ${what}`);
  if (type === "row") return true;
  if (type === "stat") return Boolean(find("[data-number]")?.textContent);
  return find(":is(canvas, svg, table, [role=table], [role=grid])") !== null;
}

// The picture is taken when the page's title says so.
setTimeout(() => {
  const empty = dashboard.panels.filter((panel) => !isDrawn(panel));
  const failures = [...window.FAILURES, ...empty.map((panel) => `${panel.title}: nothing was drawn`)];
  document.title = failures.length === 0 ? "drawn" : `failed: ${failures.join("; ")}`;
}, 4000);
