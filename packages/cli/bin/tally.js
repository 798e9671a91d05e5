#!/usr/bin/env node
import { existsSync } from "node:fs";
import { isPacked } from "./packed.js";

const base = new URL("..", import.meta.url);

function load() {
  if (isPacked(base)) return import("../packed/main.js");
  return existsSync(new URL("dist/main.js", base)) ? import("../dist/main.js") : undefined;
}

async function start() {
  let command;
  try {
    command = await load();
  } catch (error) {
    const why = String(error?.message ?? error).split("\n", 1)[0];
    console.error(`tally: cannot be loaded, build or install it again: ${why}`);
    return 2;
  }
  if (command !== undefined) return command.main(process.argv.slice(2));
  console.error("tally: not built yet, run npm run build first");
  return 2;
}

process.exitCode = await start();
// A log that has stopped for good must not be kept alive by open connections.
if (process.exitCode === 70) process.exit();
