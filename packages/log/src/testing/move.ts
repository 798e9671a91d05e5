import type { Bounds } from "./explore.js";
import { machineName, type State } from "./state.js";
import type { AnchorImage, Site } from "./image.js";
import type { Action } from "./incarnation.js";

/** What can happen next: an action of the process, or a turn of its surroundings. */
export type Move =
  | { readonly kind: "act"; readonly action: Action }
  | { readonly kind: "turn"; readonly state: State };

const HOUR = 3600;

/** Yields every move from a state within bounds. */
export function movesOf(state: State, bounds: Bounds): readonly Move[] {
  const { status, spent, memory } = state;
  const canFault = spent < bounds.faults;
  const turns: State[] = [];
  const actions: Action[] = [];
  if (status.kind === "down") {
    actions.push({ kind: "boot" });
    if (canFault && bounds.rollsBack) turns.push(...rollbacks(state));
    if (canFault && bounds.turnsClock) turns.push(...clocks(state, bounds));
  } else {
    turns.push(killed(state));
  }
  if (status.kind === "writer" || status.kind === "reader") {
    const [entry] = memory.acknowledged.keys();
    actions.push(...submissions(state, bounds), { kind: "stop" });
    if (entry !== undefined) actions.push({ kind: "read", entry });
    if (bounds.freezes && status.kind === "writer") actions.push({ kind: "freeze" });
  }
  return [
    ...turns.map((next) => ({ kind: "turn" as const, state: next })),
    ...actions.map((action) => ({ kind: "act" as const, action })),
  ];
}

/** New entries in their order, and each that was handed in before once more. */
function submissions({ status, memory }: State, bounds: Bounds): readonly Action[] {
  const { submitted } = memory;
  const [fresh = -1, next = -1] = Array.from({ length: bounds.entries }, (_, i) => i).filter(
    (entry) => !submitted.includes(entry),
  );
  const submit = (...entries: readonly number[]): Action => ({ kind: "submit", entries });
  if (status.kind === "reader") return fresh < 0 ? [] : [submit(fresh)];
  const known = submitted.map((entry) => submit(entry));
  if (fresh < 0) return known;
  const one: Action[] = [
    ...known,
    submit(fresh),
    submit(fresh, fresh),
    { kind: "submit", entries: [fresh], during: fresh },
    ...submitted.map((entry) => submit(entry, fresh)),
  ];
  if (next < 0) return one;
  return [...one, submit(fresh, next), { kind: "submit", entries: [fresh], during: next }];
}

function killed(state: State): State {
  const status = { kind: "down", why: "killed" } as const;
  return {
    ...state,
    status,
    steps: [],
    bootSite: state.site,
    machine: machineName(state.site, status, []),
    depth: state.depth + 1,
    before: state,
    line: "kill",
  };
}

function rollbacks(state: State): readonly State[] {
  const { site, past, rolled } = state;
  const sites = [...past.values()].reverse();
  const stores = unlike(sites, site.store.id, ({ store }) => store.id);
  const anchors = unlike(sites, site.anchor.id, ({ anchor }) => anchor.id);
  const both = sites.filter(
    (old) => old.store.id !== site.store.id && old.anchor.id !== site.anchor.id,
  );
  return [
    ...stores.map(({ store }) => ({
      ...moved(state, { ...site, store }, `roll back the store to size ${store.size}`),
      rolled: { ...rolled, store: true },
    })),
    ...anchors.map(({ anchor }) => ({
      ...moved(state, { ...site, anchor }, `roll back the anchor to ${formatAnchor(anchor)}`),
      rolled: { ...rolled, anchor: true },
    })),
    ...both.map(({ store, anchor }) => ({
      ...moved(state, { ...site, store, anchor }, `roll back both to size ${store.size}`),
      rolled: { store: true, anchor: true },
    })),
  ];
}

function clocks(state: State, { clock }: Bounds): readonly State[] {
  const { site } = state;
  return [clock - HOUR, clock, clock + HOUR]
    .filter((time) => time !== site.clock)
    .map((time) => ({
      ...moved(state, { ...site, clock: time }, `clock to ${time}`),
      isClockTurned: true,
    }));
}

function moved(state: State, site: Site, line: string): State {
  return {
    ...state,
    site,
    bootSite: site,
    machine: machineName(site, state.status, []),
    spent: state.spent + 1,
    depth: state.depth + 1,
    before: state,
    line,
  };
}

function formatAnchor({ bytes }: AnchorImage): string {
  return bytes === undefined ? "none" : `${bytes.length} bytes`;
}

function unlike(sites: readonly Site[], id: string, idOf: (site: Site) => string): readonly Site[] {
  const found = new Map(sites.map((site) => [idOf(site), site]));
  found.delete(id);
  return [...found.values()];
}
