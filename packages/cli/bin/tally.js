#!/usr/bin/env node
import { existsSync } from "node:fs";
import { isPacked } from "./packed.js";

const base = new URL("..", import.meta.url);

function load() {
  if (isPacked(base)) return import("../packed/main.js");
  return existsSync(new URL("dist/main.js", base)) ? import("../dist/main.js") : undefined;
}

const command = await load();
if (command === undefined) {
  console.error("tally: not built yet, run npm run build first");
  process.exitCode = 2;
} else {
  process.exitCode = await command.main(process.argv.slice(2));
  // A log that has stopped for good must not be kept alive by open connections.
  if (process.exitCode === 70) process.exit();
}
