/** What the help of a command ends with. */
export interface ManualPage {
  /** Commands as they are typed; a backslash ends a line that the next one continues. */
  readonly examples: readonly [string, ...string[]];
  /** What the exit codes mean where there is more to say than {@link EXIT_CODES}. */
  readonly exits?: string;
}

/** What the exit codes of every command mean. */
export const EXIT_CODES = `\
Exit codes: 0 yes, 1 no (refused, does not verify), 2 could not be done,
            3 wrong usage`;

const SERVICE = "--service http://127.0.0.1:8000";
const OPERATOR = "--operator data/keys/operator.jwk";
const SIGNING = `--key vendor.jwk \\
  --iss https://vendor.example --sub pkg:npm/app@1.0.0 \\
  --type application/vnd.cyclonedx+json`;

/** The page of every command that does something, by its name below `tally`. */
export const MANUAL: ReadonlyMap<string, ManualPage> = new Map<string, ManualPage>([
  [
    "init",
    {
      examples: [
        "tally init data",
        "tally init data --issuer https://log.example --anchor /mnt/other/anchor",
      ],
    },
  ],
  [
    "serve",
    {
      examples: [
        "tally serve data",
        "tally serve data --port 8443 --tls-cert c.pem --tls-key k.pem",
      ],
      exits: "70 the log has stopped for good and must be started again.",
    },
  ],
  ["keygen", { examples: ["tally keygen --alg ES256 --out vendor.jwk"] }],
  [
    "token create",
    { examples: ["tally token create --name ci --tokens tokens.json --out ci.token"] },
  ],
  [
    "trust add",
    {
      examples: [
        `tally trust add vendor.pub.jwk --iss https://vendor.example \\\n  ${SERVICE} ${OPERATOR}`,
        "tally trust add vendor.pub.jwk --iss https://vendor.example --dir data",
      ],
    },
  ],
  ["trust export", { examples: [`tally trust export ${SERVICE} --out trust.json`] }],
  ["trust show", { examples: ["tally trust show trust.json"] }],
  ["trust follow", { examples: [`tally trust follow trust.json ${SERVICE}`] }],
  [
    "trust retire",
    {
      examples: [
        "tally trust retire trust.json --size 1000 \\\n  --key 9lkzEz4hWlPV2p1kjlJ1TIX7dSVv2ugq0CVSL2IiJLo",
      ],
    },
  ],
  [
    "policy show",
    { examples: ["tally policy show data", `tally policy show --next ${SERVICE} > policy.json`] },
  ],
  ["policy check", { examples: ["tally policy check policy.json"] }],
  [
    "policy test",
    {
      examples: ["tally policy test policy.json --statements statements/"],
      exits: "1 some statements would be refused.",
    },
  ],
  [
    "policy propose",
    { examples: [`tally policy propose policy.json \\\n  ${SERVICE} ${OPERATOR}`] },
  ],
  ["policy approve", { examples: [`tally policy approve $ENTRYID \\\n  ${SERVICE} ${OPERATOR}`] }],
  [
    "sign",
    {
      examples: [
        `tally sign sbom.json ${SIGNING} --out sbom.scitt`,
        `tally sign image.bin --hash sha-256 --key vendor.jwk \\
  --iss https://vendor.example --sub urn:fw:1.2 \\
  --type application/octet-stream --out image.scitt`,
      ],
    },
  ],
  [
    "sign-report",
    { examples: ["tally sign-report report.json --key lab.jwk --kid lab-1 --out report.jws"] },
  ],
  [
    "register",
    {
      examples: [
        `tally register sbom.json ${SIGNING} \\\n  ${SERVICE} --out sbom.transparent.scitt`,
        `tally register sbom.scitt ${SERVICE} \\\n  --out sbom.transparent.scitt`,
      ],
    },
  ],
  ["receipt", { examples: [`tally receipt $ENTRYID ${SERVICE} --out sbom.receipt`] }],
  ["consistency", { examples: [`tally consistency 3 4 ${SERVICE} --out 3-4.receipt`] }],
  [
    "checkpoint",
    {
      examples: [
        `tally checkpoint ${SERVICE} \\\n  --trust trust.json --seen seen.json`,
        "tally checkpoint --from-tiles public --trust trust.json --seen seen.json",
      ],
    },
  ],
  [
    "attach",
    {
      examples: [
        "tally attach sbom.scitt one.receipt two.receipt --trust trust.json \\\n  --out sbom.transparent.scitt",
      ],
    },
  ],
  [
    "verify",
    {
      examples: [
        "tally verify sbom.transparent.scitt --trust trust.json --payload sbom.json",
        "tally verify 3-4.receipt --trust trust.json --since sbom.transparent.scitt",
        "tally verify sbom.scitt --trust trust.json --tlog-proof sbom.tlog-proof",
      ],
    },
  ],
  [
    "bundle",
    {
      examples: [`tally bundle image.scitt ${SERVICE} \\\n  --trust trust.json --out image.bundle`],
    },
  ],
  [
    "appraise",
    {
      examples: ["tally appraise --subject image.bin --bundle image.bundle --policy accept.json"],
      exits: "0 allow, 1 deny, 2 cannot decide.",
    },
  ],
  ["inspect", { examples: ["tally inspect sbom.transparent.scitt"] }],
  ["evidence", { examples: ["tally evidence seen.json.evidence --trust trust.json"] }],
  [
    "search",
    {
      examples: [
        "tally search http://127.0.0.1:8000 --iss https://vendor.example",
        "tally search http://127.0.0.1:8000 --trust trust.json --sub pkg:npm/app@1.0.0",
      ],
    },
  ],
  ["reindex", { examples: ["tally reindex data"] }],
  [
    "audit",
    {
      examples: [
        `tally audit ${SERVICE} \\\n  --trust trust.json --state log.audit`,
        "tally audit data",
      ],
      exits: "0 sound, 1 not as it should be, 2 no verdict.",
    },
  ],
  ["fsck", { examples: ["tally fsck data"], exits: "0 sound, 1 corrupt, 2 incomplete." }],
  [
    "doctor",
    { examples: ["tally doctor data"], exits: "1 something is wrong, 2 not all was examined." },
  ],
  ["backup", { examples: ["tally backup data log.backup"] }],
  ["export", { examples: ["tally export data public"] }],
  ["mirror", { examples: ["tally mirror http://127.0.0.1:8000 copy --trust trust.json"] }],
  [
    "monitor",
    {
      examples: [
        "tally monitor http://127.0.0.1:8000 --trust trust.json --state log.seen --once",
        `tally monitor http://127.0.0.1:8000 --trust trust.json --state log.seen \\
  --every 300 --watch-issuer https://vendor.example`,
      ],
      exits: "0 sound, 1 misbehaviour, 2 could not be followed.",
    },
  ],
  ["restore", { examples: ["tally restore log.backup data"] }],
  ["rotate-key", { examples: ["tally rotate-key data", "tally rotate-key data --begin"] }],
  ["freeze", { examples: ["tally freeze data --why 'the receipt key is lost'"] }],
  ["recover", { examples: ["tally recover data --rebuild-anchor"] }],
  ["witness init", { examples: ["tally witness init w1 --name witness.example/w1"] }],
  [
    "witness add-log",
    {
      examples: [
        "tally witness add-log w1 \\\n  log.example/log+2f1a3c4d+AWQ1NjNjYWM4ZDM5NTk3YjE5YjQ0ZjI1OGRjZWQ4ZGM3",
      ],
    },
  ],
  ["witness serve", { examples: ["tally witness serve w1 --port 8100"] }],
]);

/** Yields what the help of a command ends with, by its name below `tally`. */
export function manualText(name: string): string {
  const page = MANUAL.get(name);
  if (page === undefined) return `\n${EXIT_CODES}`;
  const { examples, exits } = page;
  const heading = examples.length === 1 ? "Example:" : "Examples:";
  const listed = examples.map((one) => `  ${one.replaceAll("\n", "\n  ")}`).join("\n");
  const more = exits === undefined ? "" : `\n      here: ${exits.replace(/\.$/, "")}`;
  return `\n${heading}\n${listed}\n\n${EXIT_CODES}${more}`;
}
