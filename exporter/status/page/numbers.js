// Numbers as people read them; "–" for what is not known. Stands before the
// others in the page's one script.
"use strict";

function count(value) {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= 1e6) return (value / 1e6).toFixed(1) + " M";
  if (Math.abs(value) >= 1e4) return (value / 1e3).toFixed(1) + " k";
  return String(Math.round(value * 100) / 100);
}

function rate(value) {
  if (value === null) return "–";
  return value >= 100 ? count(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}

function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0 s";
  if (value < 0.001) return (value * 1e6).toFixed(0) + " µs";
  if (value < 1) return (value * 1e3).toFixed(value < 0.1 ? 1 : 0) + " ms";
  return value.toFixed(2) + " s";
}

function bytes(value) {
  if (value === null || value === undefined) return "–";
  return value >= 2 ** 30 ? (value / 2 ** 30).toFixed(1) + " GiB" : (value / 2 ** 20).toFixed(0) + " MiB";
}

function ago(age) {
  if (age < 1.5) return "just now";
  if (age < 120) return Math.round(age) + " s ago";
  if (age < 7200) return Math.round(age / 60) + " min ago";
  return age < 172800 ? Math.round(age / 3600) + " h ago" : Math.round(age / 86400) + " d ago";
}

function percent(part) {
  if (part === null) return "–";
  return (part * 100).toFixed(part > 0 && part < 0.1 ? 2 : 1) + " %";
}
