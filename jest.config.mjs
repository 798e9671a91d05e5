export default {
  testEnvironment: "node",
  transform: {},
  testMatch: ["<rootDir>/packages/*/dist/**/*.test.js"],
  modulePathIgnorePatterns: [],
  maxWorkers: 2,
  watchman: false,
  testTimeout: 60000,
  reporters: ["default", "<rootDir>/scripts/jest-summary.mjs"],
};
