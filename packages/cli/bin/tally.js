#!/usr/bin/env node
import { existsSync } from "node:fs";
import { packedCommand } from "./packed.js";

const base = new URL("..", import.meta.url);
const plain = new URL("dist/main.js", base);
const command = packedCommand(base) ?? (existsSync(plain) ? plain : undefined);

if (command === undefined) {
  console.error("tally: not built yet, run npm run build first");
  process.exitCode = 2;
} else {
  const { main } = await import(command.href);
  process.exitCode = await main(process.argv.slice(2));
  // A log that has stopped for good must not be kept alive by open connections.
  if (process.exitCode === 70) process.exit();
}
