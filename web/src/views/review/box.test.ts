import { expect, test } from "vitest";

import { boxBetween, dragCorner, moveBox, sameBox, sizeBox } from "./box";

const BOX = { left: 0.2, top: 0.3, width: 0.4, height: 0.5 };

test("a box moves as far as the image reaches", () => {
  expect(sameBox(moveBox(BOX, 0.1, -0.1), { ...BOX, left: 0.3, top: 0.2 })).toBe(true);
  expect(sameBox(moveBox(BOX, 9, 9), { ...BOX, left: 0.6, top: 0.5 })).toBe(true);
  expect(sameBox(moveBox(BOX, -9, -9), { ...BOX, left: 0, top: 0 })).toBe(true);
});

test("a box keeps a size, and stays inside", () => {
  expect(sizeBox(BOX, -9, -9)).toMatchObject({ width: 0.01, height: 0.01 });
  expect(sizeBox(BOX, 9, 9)).toMatchObject({ width: 0.8, height: 0.7 });
});

test("a box is drawn from any corner, and not by a click", () => {
  const drawn = boxBetween([0.6, 0.8], [0.2, 0.3]);
  expect(drawn && sameBox(drawn, BOX)).toBe(true);
  expect(boxBetween([-1, -1], [2, 2])).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  expect(boxBetween([0.5, 0.5], [0.5, 0.5])).toBeNull();
});

test("the opposite corner stays where it is", () => {
  expect(sameBox(dragCorner(BOX, "nw", 0.1, 0.1), { left: 0.1, top: 0.1, width: 0.5, height: 0.7 })).toBe(true);
  expect(sameBox(dragCorner(BOX, "se", 0.3, 0.4), { left: 0.2, top: 0.3, width: 0.1, height: 0.1 })).toBe(true);
});
