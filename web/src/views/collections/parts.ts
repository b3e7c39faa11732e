// What a search is made of, and how an address holds it.
import type { Schemas } from "../../api/client";

export type Box = Schemas["Box"];

/** Something to be similar to. A dropped image is named by the digest of its bytes, which stay in this tab. */
export interface Part {
  kind: "text" | "item" | "image";
  value: string;
  weight: number;
  box: Box | null;
}

export const MAX_PARTS = 16;
const ITEM = /^[0-9a-f]{32}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const DIGITS = 4;

/** As `[kind, value, weight, left, top, width, height]`, shorter where there is no box. */
export function writeParts(parts: readonly Part[]): string {
  return JSON.stringify(
    parts.map((part) => [
      part.kind,
      part.value,
      part.weight,
      ...(part.box ? [part.box.left, part.box.top, part.box.width, part.box.height].map((share) => round(share)) : []),
    ]),
  );
}

/** The parts that an address holds; what is none is left out. */
export function readParts(text: string | undefined): Part[] {
  if (text === undefined) return [];
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(read) ? read.flatMap((each) => readPart(each) ?? []).slice(0, MAX_PARTS) : [];
}

function readPart(given: unknown): Part | null {
  if (!Array.isArray(given)) return null;
  const [kind, value, weight, ...shares] = given as unknown[];
  if (typeof value !== "string" || typeof weight !== "number" || !(Math.abs(weight) <= 10)) return null;
  const isPart =
    (kind === "text" && value.length > 0 && value.length <= 2_000) ||
    (kind === "item" && ITEM.test(value)) ||
    (kind === "image" && DIGEST.test(value));
  return isPart ? { kind, value, weight, box: kind === "text" ? null : readBox(shares) } : null;
}

function readBox(shares: readonly unknown[]): Box | null {
  const [left, top, width, height] = shares;
  const all = [left, top, width, height];
  if (!all.every((share): share is number => typeof share === "number" && share >= 0 && share <= 1)) return null;
  return { left: left as number, top: top as number, width: width as number, height: height as number };
}

/** One more thing to be like, or unlike; the same thing again only changes how much it counts. */
export function addPart(parts: readonly Part[], part: Part): Part[] {
  const others = parts.filter((each) => each.kind !== part.kind || each.value !== part.value);
  return [...others, part].slice(-MAX_PARTS);
}

/** The box between two corners of an image, in shares; null where it is too small to be meant. */
export function boxBetween(from: { x: number; y: number }, to: { x: number; y: number }): Box | null {
  const within = (share: number) => Math.min(1, Math.max(0, share));
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)].map(within) as [number, number];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)].map(within) as [number, number];
  const box = { left: round(left), top: round(top), width: round(right - left), height: round(bottom - top) };
  return box.width < 0.02 || box.height < 0.02 ? null : box;
}

function round(share: number): number {
  return Number(share.toFixed(DIGITS));
}
