// Writes to the LevelDB store in a directory until it is killed.
import { LevelStore } from "../level.js";
import { writeForever } from "./engine.js";

process.on("disconnect", () => process.exit());
await writeForever(await LevelStore.open(process.argv[2] ?? "", { create: true }));
