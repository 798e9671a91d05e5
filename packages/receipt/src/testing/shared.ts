export { sharedFolder } from "../../../../scripts/shared-data.mjs";
