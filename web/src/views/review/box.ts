// A box in an image, in shares of its width and height.

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export const MIN_SIDE = 0.01;
export const STEP = 0.01;

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), Math.max(least, most));
}

/** The box moved, as far as the image reaches. */
export function moveBox(box: Box, right: number, down: number): Box {
  return {
    ...box,
    left: within(box.left + right, 0, 1 - box.width),
    top: within(box.top + down, 0, 1 - box.height),
  };
}

/** The box with its right and bottom edges moved. */
export function sizeBox(box: Box, right: number, down: number): Box {
  return {
    ...box,
    width: within(box.width + right, MIN_SIDE, 1 - box.left),
    height: within(box.height + down, MIN_SIDE, 1 - box.top),
  };
}

/** The box between two corners; null: it is too small to be meant. */
export function boxBetween(from: readonly [number, number], to: readonly [number, number]): Box | null {
  const [left, right] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])].map((x) => within(x, 0, 1)) as [number, number];
  const [top, bottom] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])].map((y) => within(y, 0, 1)) as [number, number];
  const box = { left, top, width: right - left, height: bottom - top };
  return box.width < MIN_SIDE || box.height < MIN_SIDE ? null : box;
}

export const CORNERS = ["nw", "ne", "sw", "se"] as const;
export type Corner = (typeof CORNERS)[number];

/** The box with one corner somewhere else; the opposite one stays. */
export function dragCorner(box: Box, corner: Corner, x: number, y: number): Box {
  const fixedX = corner.includes("w") ? box.left + box.width : box.left;
  const fixedY = corner.includes("n") ? box.top + box.height : box.top;
  return boxBetween([fixedX, fixedY], [x, y]) ?? box;
}

export function sameBox(a: Box, b: Box): boolean {
  const close = (x: number, y: number) => Math.abs(x - y) < 1e-6;
  return close(a.left, b.left) && close(a.top, b.top) && close(a.width, b.width) && close(a.height, b.height);
}
