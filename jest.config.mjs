export default {
  testEnvironment: "node",
  transform: {},
  setupFilesAfterEnv: ["<rootDir>/scripts/jest-bytes.mjs"],
  testMatch: ["<rootDir>/packages/*/dist/**/*.test.js"],
  modulePathIgnorePatterns: [],
  maxWorkers: 2,
  watchman: false,
  testTimeout: 60000,
  reporters: ["default", "<rootDir>/scripts/jest-summary.mjs"],
};
