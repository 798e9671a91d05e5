import { createHash } from "node:crypto";

import { printable } from "@tallystick/cose";

import type { Home, HomeState } from "./routes/home.js";

/** Longest text of the operator that is shown. */
const MAX_TEXT = 2000;

const STYLE = `
:root { color-scheme: light dark; --text: #1c2126; --soft: #4d5761; --page: #fbfaf8; --card: #fff;
  --line: #d5d9dd; --link: #0b5394; --good: #1a6b34; --bad: #a32115; }
@media (prefers-color-scheme: dark) { :root { --text: #e8eaec; --soft: #a9b2ba; --page: #15181b;
  --card: #1e2226; --line: #3a4148; --link: #8ec3ff; --good: #7ed698; --bad: #ff9b8f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
h1, dd, li, p { overflow-wrap: anywhere; }
.soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem; margin-top: 1rem; }
section > :last-child { margin-bottom: 0; }
dl { display: grid; grid-template-columns: 9.5rem 1fr; gap: .35rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; }
dl + p { margin: 1rem 0 0; }
ul { padding-left: 1.2rem; margin: 0 0 1rem; }
li { padding: .15rem 0; }
code { font: .9em ui-monospace, monospace; }
.key { word-break: break-all; }
time { white-space: nowrap; }
a { color: var(--link); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin-bottom: .75rem; }
label { flex: 1 1 12rem; color: var(--soft); }
input { display: block; width: 100%; margin-top: .15rem; }
input, button { font: inherit; color: var(--text); background: var(--page);
  border: 1px solid var(--soft); border-radius: .25rem; padding: .35rem .6rem; }
button { cursor: pointer; }
button:hover { border-color: var(--link); color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd:not(:last-child) { margin-bottom: .6rem; } }
`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** Nothing from elsewhere, no script at all, one style sheet, and forms that stay here. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const STATES: Readonly<Record<HomeState["status"], readonly [mark: string, text: string]>> = {
  accepting: ["good", "Accepting registrations"],
  "no-space": ["bad", "Not accepting registrations: the disk is nearly full"],
  "read-only": ["bad", "Read-only: no entries are taken"],
  frozen: ["bad", "Frozen: no more entries are taken"],
  held: ["bad", "Not accepting registrations: held by its witnesses"],
  unavailable: ["bad", "Not accepting registrations: stopping, or the log has stopped"],
};

/** What is linked, by its name among the links of a home. */
const LINKS: Readonly<Record<string, string>> = {
  checkpoint: "Newest checkpoint, as a signed note",
  newest: "Newest checkpoint, as a COSE record",
  keys: "Keys, as a COSE Key Set",
  policy: "Registration policy in force",
  health: "Health",
  openapi: "Interface (OpenAPI)",
};

/** What can be searched for. A form for each, because a field that is sent empty is refused. */
const SEARCHES = [
  { name: "iss", text: "Issuer", by: "issuer", more: "" },
  { name: "sub", text: "Subject", by: "subject", more: "" },
  {
    ...{ name: "payload", text: "Payload digest, in hex", by: "digest" },
    more: ' pattern="[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}" title="64, 96 or 128 lower-case hexadecimal digits" spellcheck="false"',
  },
] as const;

/** A page, and the headers that belong to it. */
export interface Page {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Makes the page that tells people what a service is. It has no script, loads nothing, and shows every
 * text of others escaped and without what cannot be seen.
 */
export function homePage(home: Home): Page {
  const { origin } = home;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${shown(origin)}: transparency service</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${shown(origin)}</h1>
<p class="soft">A transparency service: a public log of signed statements that can only grow.</p>
${stateSection(home)}
${keySection(home)}
${home.links["search"] === undefined ? "" : searchSection(home.links["search"])}
${linkSection(home)}
<p class="soft">Tallystick ${shown(home.version)}</p>
</main>
</body>
</html>
`;
  return {
    body: new TextEncoder().encode(html),
    headers: { "content-security-policy": POLICY, "referrer-policy": "no-referrer" },
  };
}

function stateSection({ state, issuer, size, time, age }: Home): string {
  const [mark, text] = STATES[state.status];
  const iso = timeOf(time);
  const rows = [
    ["State", `<span class="${mark}">${text}</span>`],
    ...(state.reason === undefined ? [] : [["Reason", shown(state.reason)]]),
    ...(state.held === undefined || state.held === state.reason
      ? []
      : [["Witnesses", shown(state.held)]]),
    ["Issuer", `<code>${shown(issuer)}</code>`],
    ["Entries", size.toLocaleString("en-GB")],
    [
      "Newest checkpoint",
      iso === undefined
        ? ageOf(age)
        : `${ageOf(age)}, at <time datetime="${iso}">${iso.replace("T", " ").replace("Z", " UTC")}</time>`,
    ],
  ];
  return section("log", "The log", described(rows));
}

/** Makes a list of terms and values, which are HTML already. */
function described(rows: readonly (readonly string[])[]): string {
  const list = rows.map(([term = "", value = ""]) => `<dt>${term}</dt><dd>${value}</dd>`);
  return `<dl>\n${list.join("\n")}\n</dl>`;
}

function keySection({ keys, note }: Home): string {
  const rows = keys.map(({ thumbprint, status }) => [
    status === "retired" ? "Receipts, retired" : "Receipts",
    `<code class="key">${shown(thumbprint)}</code>`,
  ]);
  if (note !== undefined) rows.push(["Notes", `<code class="key">${shown(note)}</code>`]);
  const advice = `<p>Compare these with what the operator gives over another channel before you pin them. This page proves nothing: receipts do.</p>`;
  return section("keys", "Keys", `${described(rows)}\n${advice}`);
}

function searchSection(action: string): string {
  const forms = SEARCHES.map(
    ({ name, text, by, more }) =>
      `<form action="${shown(action)}" method="get" role="search" aria-label="By ${by}"><label>${text}<input name="${name}" required autocomplete="off"${more}></label><button aria-label="Search by ${by}">Search</button></form>`,
  );
  return section("search", "Search", `${forms.join("\n")}\n<p class="soft">Answers are JSON.</p>`);
}

function linkSection({ links }: Home): string {
  const items = Object.entries(LINKS).flatMap(([name, text]) => {
    const href = links[name];
    return href === undefined ? [] : `<li><a href="${shown(href)}">${text}</a></li>`;
  });
  return section("more", "What else there is", `<ul>${items.join("\n")}</ul>`);
}

function section(id: string, title: string, content: string): string {
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${content}\n</section>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Yields a text as it can stand in an element and in a quoted attribute. */
function shown(text: string): string {
  return printable(text, MAX_TEXT).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

const UNITS = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
] as const;

function ageOf(seconds: number): string {
  const [length, unit] = UNITS.find(([least]) => seconds >= least) ?? [1, "second"];
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

/** Yields a time as HTML takes it, `undefined` for one that no calendar has. */
function timeOf(seconds: number): string | undefined {
  const date = new Date(1000 * seconds);
  return Number.isNaN(date.valueOf()) ? undefined : date.toISOString().replace(".000Z", "Z");
}
