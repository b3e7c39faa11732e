// Which images are chosen: one by one, a stretch with Shift or by dragging, or whatever the query finds.

export interface Selection {
  ids: ReadonlySet<string>;
  /** Where a stretch begins. */
  anchor: number | null;
  /** All that the query finds, seen or not. */
  all: boolean;
}

export const NOTHING: Selection = { ids: new Set(), anchor: null, all: false };

export function toggleOne(selection: Selection, ids: readonly string[], index: number): Selection {
  const id = ids[index];
  if (id === undefined) return selection;
  const next = new Set(selection.all ? ids : selection.ids);
  if (next.has(id)) next.delete(id);
  else next.add(id);
  return { ids: next, anchor: index, all: false };
}

/** The stretch to an index joins what is chosen: from the anchor, or from where a drag began. */
export function extendTo(
  selection: Selection,
  ids: readonly string[],
  index: number,
  from: number = selection.anchor ?? index,
): Selection {
  const [first, last] = from < index ? [from, index] : [index, from];
  return { ids: new Set([...selection.ids, ...ids.slice(first, last + 1)]), anchor: from, all: false };
}

export function isChosen(selection: Selection, id: string): boolean {
  return selection.all || selection.ids.has(id);
}

/** How the API is told: by ids, or by the query. */
export function targetOf(selection: Selection, query: string): { ids: string[] } | { query: string } {
  return selection.all ? { query } : { ids: [...selection.ids] };
}
