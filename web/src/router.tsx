// Every list and every choice has an address.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { Shell } from "./shell";
import { NotFound, ViewError } from "./views/problems";

const DATE = /^\d{4}-\d{2}-\d{2}$/;

export const DAY_VIEWS = ["lists", "reuploads", "leftout", "takendown"] as const;
export type DayView = (typeof DAY_VIEWS)[number];
export const VERDICTS = ["pending", "accepted", "rejected"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** A parameter of the address, if it is one of some texts. */
export function oneOf<Value extends string>(values: readonly Value[], given: unknown): Value | undefined {
  return values.find((value) => value === given);
}

function text(given: unknown, pattern: RegExp): string | undefined {
  return typeof given === "string" && pattern.test(given) ? given : undefined;
}

export interface DaySearch {
  view?: DayView | undefined;
  date?: string | undefined;
  category?: string | undefined;
  clip?: string | undefined;
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: ViewError });
const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/day" });
  },
});
const callback = createRoute({
  getParentRoute: () => root,
  path: "/callback",
  component: lazyRouteComponent(() => import("./views/callback"), "Callback"),
});
export const dayRoute = createRoute({
  getParentRoute: () => root,
  path: "/day",
  validateSearch: (given: Record<string, unknown>): DaySearch => ({
    view: oneOf(DAY_VIEWS, given.view),
    date: text(given.date, DATE),
    category: text(given.category, /^[a-z0-9_-]{1,40}$/),
    clip: text(given.clip, /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
  }),
  component: lazyRouteComponent(() => import("./views/day/day"), "Day"),
});
export const runsRoute = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: (given: Record<string, unknown>): { source?: string | undefined } => ({
    source: text(given.source, /^[a-z]{1,20}$/),
  }),
  component: lazyRouteComponent(() => import("./views/runs/list"), "Runs"),
});
export const runRoute = createRoute({
  getParentRoute: () => root,
  path: "/runs/$source/$date",
  validateSearch: (given: Record<string, unknown>): { subject?: string | undefined } => ({
    subject: typeof given.subject === "string" ? given.subject : undefined,
  }),
  component: lazyRouteComponent(() => import("./views/runs/run"), "Run"),
});
export const reviewRoute = createRoute({
  getParentRoute: () => root,
  path: "/review",
  validateSearch: (given: Record<string, unknown>): { verdict?: Verdict | undefined } => ({
    verdict: oneOf(VERDICTS, given.verdict),
  }),
  component: lazyRouteComponent(() => import("./views/review/review"), "ReviewQueue"),
});

const collectionsRoute = createRoute({
  getParentRoute: () => root,
  path: "/collections",
  component: lazyRouteComponent(() => import("./views/collections/list"), "Collections"),
});
export interface CollectionSearch {
  query?: string | undefined;
  sort?: string | undefined;
  item?: string | undefined;
}
export const collectionRoute = createRoute({
  getParentRoute: () => root,
  path: "/collections/$id",
  validateSearch: (given: Record<string, unknown>): CollectionSearch => ({
    query: text(given.query, /^[^]{1,4000}$/),
    sort: text(given.sort, /^-?[a-z_]{1,40}$/),
    item: text(given.item, /^[0-9a-f]{32}$/),
  }),
  component: lazyRouteComponent(() => import("./views/collections/collection"), "Collection"),
});
export const uploadsRoute = createRoute({
  getParentRoute: () => root,
  path: "/collections/$id/uploads",
  component: lazyRouteComponent(() => import("./views/collections/uploads"), "Uploads"),
});
export interface SimilarSearch {
  /** What to be similar to (`parts.ts`). */
  parts?: string | undefined;
  filter?: string | undefined;
  least?: string | undefined;
  fold?: "no" | undefined;
  objects?: "yes" | undefined;
  item?: string | undefined;
}
export const searchRoute = createRoute({
  getParentRoute: () => root,
  path: "/collections/$id/search",
  validateSearch: (given: Record<string, unknown>): SimilarSearch => ({
    parts: text(given.parts, /^\[[^]{0,8000}\]$/),
    filter: text(given.filter, /^[^]{1,4000}$/),
    least: text(given.least, /^-?[01](\.\d{1,4})?$/),
    fold: oneOf(["no"], given.fold),
    objects: oneOf(["yes"], given.objects),
    item: text(given.item, /^[0-9a-f]{32}$/),
  }),
  component: lazyRouteComponent(() => import("./views/collections/search"), "Search"),
});
export const sharedRoute = createRoute({
  getParentRoute: () => root,
  path: "/shared/$token",
  component: lazyRouteComponent(() => import("./views/collections/shared"), "SharedCollection"),
});

const tree = root.addChildren([
  home,
  callback,
  dayRoute,
  runsRoute,
  runRoute,
  reviewRoute,
  collectionsRoute,
  collectionRoute,
  uploadsRoute,
  searchRoute,
  sharedRoute,
]);

/** The parameters of an address as texts: an id of digits is no number. */
export function readQuery(query: string): Record<string, unknown> {
  return Object.fromEntries(new URLSearchParams(query));
}

export function writeQuery(search: Record<string, unknown>): string {
  const given = Object.entries(search).filter((each): each is [string, string] => typeof each[1] === "string");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    defaultPreload: "intent",
    scrollRestoration: true,
    parseSearch: readQuery,
    stringifySearch: writeQuery,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
