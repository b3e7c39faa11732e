// How a list differs from the one before.

export interface Ranked {
  rank: number;
  previous_rank?: number | null;
}

export type Move = { kind: "new" } | { kind: "same" } | { kind: "up" | "down"; places: number };

export function moveOf(item: Ranked): Move {
  if (item.previous_rank == null) return { kind: "new" };
  const places = item.previous_rank - item.rank;
  if (places === 0) return { kind: "same" };
  return places > 0 ? { kind: "up", places } : { kind: "down", places: -places };
}

/** Whether a rank is missing, as after a takedown. */
export function hasGap(items: readonly Ranked[]): boolean {
  return items.some((item, index) => item.rank !== index + 1);
}

/** Another day, `YYYY-MM-DD`. */
export function shiftDay(date: string, days: number): string {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

/** How a duplicate was found, as the texts name it; else the embedder. */
export function methodKey(method: string): "sha256" | "pdq" | "aligned" | "other" {
  return method === "sha256" || method === "pdq" || method === "aligned" ? method : "other";
}
