#!/usr/bin/env node
import { existsSync } from "node:fs";

if (existsSync(new URL("../dist/main.js", import.meta.url))) {
  const { main } = await import("../dist/main.js");
  process.exitCode = await main(process.argv.slice(2));
  // A log that has stopped for good must not be kept alive by open connections.
  if (process.exitCode === 70) process.exit();
} else {
  console.error("tally: not built yet, run npm run build first");
  process.exitCode = 2;
}
