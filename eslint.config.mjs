import js from "@eslint/js";
import tsdoc from "eslint-plugin-tsdoc";
import tseslint from "typescript-eslint";

// Packages that also run in a browser; style and layers forbid Node's globals there.
const browserBound = [
  ...["merkle", "cose", "statement", "receipt"],
  ...["policy", "content", "evidence", "verifier", "auditor", "client"],
];

export default tseslint.config(
  {
    ignores: [
      "**/dist/**",
      "**/node_modules/**",
      "data/**",
      "build/**",
      "test-vectors/**",
      "**/packed/**",
    ],
  },
  {
    files: ["packages/*/src/**/*.ts"],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    plugins: { tsdoc },
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "tsdoc/syntax": "error",
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": ["error", { max: 80, skipComments: true }],
      "max-params": ["error", { max: 3 }],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true } }],
      eqeqeq: "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/ban-ts-comment": [
        "error",
        { "ts-expect-error": "allow-with-description" },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ["packages/merkle/src/**/*.ts"],
    // Sizes pass 2^32, where bit operators silently truncate.
    rules: { "no-bitwise": "error" },
  },
  {
    files: browserBound.map((name) => `packages/${name}/src/**/*.ts`),
    ignores: ["**/*.test.ts", "**/native.ts", "**/testing/**"],
    rules: {
      "no-restricted-globals": ["error", "Buffer", "process", "global", "__dirname", "__filename"],
    },
  },
  {
    // Express knows an error handler by its four parameters.
    files: ["packages/server/src/cold.ts"],
    rules: { "max-params": ["error", { max: 4 }] },
  },
  {
    files: ["**/*.test.ts", "**/testing/**"],
    rules: { "max-lines-per-function": "off", "no-bitwise": "off" },
  },
  {
    files: ["**/*.mjs", "packages/cli/bin/*.js"],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: { console: "readonly", process: "readonly", URL: "readonly", Buffer: "readonly" },
    },
  },
);
