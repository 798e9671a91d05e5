export default {
  testEnvironment: "node",
  transform: {},
  setupFilesAfterEnv: ["<rootDir>/scripts/jest-bytes.mjs"],
  testMatch: ["<rootDir>/packages/*/dist/**/*.test.js"],
  modulePathIgnorePatterns: [],
  maxWorkers: 2,
  // What a suite has loaded as ES modules stays in its worker: after two hundred suites that is all of
  // the heap, and most of the time goes to collecting it.
  workerIdleMemoryLimit: "800MB",
  watchman: false,
  testTimeout: 60000,
  reporters: ["default", "<rootDir>/scripts/jest-summary.mjs"],
};
