export default {
  testEnvironment: "node",
  transform: {},
  testMatch: ["<rootDir>/packages/*/dist/**/*.test.js"],
  modulePathIgnorePatterns: [],
  watchman: false,
  testTimeout: 60000,
  reporters: ["default", "<rootDir>/scripts/jest-summary.mjs"],
};
