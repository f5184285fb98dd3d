// Tells treadle what `node --test` runs and what becomes of each test: a custom reporter, JSON lines to a file.
// Subtests and suites are joined to one name by " > "; only the innermost tests are told of.
import { appendFileSync } from "node:fs";
import { relative } from "node:path";

const scratch = process.env.TREADLE_SCRATCH;
const root = process.cwd();

function tell(record) {
  appendFileSync(`${scratch}/report.jsonl`, JSON.stringify(record) + "\n");
}

function named(open, data) {
  const key = data.file ?? "";
  const names = open.get(key) ?? [];
  names.length = data.nesting;
  names[data.nesting] = data.name;
  open.set(key, names);
  const file = data.file ? relative(root, data.file) : "";
  return `${file}::${Array.from(names, (name) => name ?? "?").join(" > ")}`;
}

function trace(error, depth = 0) {
  const lines = String(error?.stack ?? error?.message ?? error).split("\n");
  const own = lines.filter((line) => !/^\s+at .*(node:|\/node_modules\/)/.test(line)).join("\n");
  return error?.cause && depth < 4 ? `${own}\ncaused by: ${trace(error.cause, depth + 1)}` : own;
}

function failure(data) {
  const error = data.details?.error ?? {};
  const cause = error.cause ?? error;
  const text = trace(cause);
  const message = String(cause?.message ?? cause).split(/\s+/).join(" ").trim();
  const known = cause && typeof cause === "object" && "expected" in cause && cause.operator?.match(/qual/);
  const shown = (value) => (known ? JSON.stringify(value)?.slice(0, 300) ?? String(value) : "");
  return {
    message: message.slice(0, 400),
    traceback: text.slice(0, 6000),
    path: data.file ? relative(root, data.file) : "",
    line: data.line ?? 0,
    expected: shown(cause?.expected),
    got: shown(cause?.actual),
  };
}

export default async function* report(source) {
  tell({ ev: "meta", runner: "node", version: process.version });
  const open = new Map();
  const told = new Set();
  for await (const { type, data } of source) {
    if (type === "test:start") {
      tell({ ev: "start", id: named(open, data) });
    } else if (type === "test:pass" || type === "test:fail") {
      const id = named(open, data);
      const kind = data.details?.error?.failureType;
      if (data.details?.type === "suite" || kind === "subtestsFailed" || kind === "parentAlreadyFinished") {
        tell({ ev: "drop", id });
      } else if (type === "test:fail" && !data.todo) {
        const whole = data.file && data.name === data.file;
        tell(whole ? { ev: "collect_error", ...failure(data) } : { ev: "end", id, outcome: "failed", ...failure(data) });
      } else {
        const skipped = data.skip !== undefined || data.todo !== undefined;
        tell({ ev: "end", id, outcome: skipped ? "skipped" : "passed" });
      }
    } else if (type === "test:stderr" || type === "test:stdout") {
      yield data.message;
    }
  }
  tell({ ev: "done", code: 0 });
}
