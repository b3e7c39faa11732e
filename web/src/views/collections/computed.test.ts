import { describe, expect, test } from "vitest";

import { fileName } from "./exports";
import { describeChange, readValue } from "./item";
import { addPart, boxBetween, readParts, writeParts, type Part } from "./parts";
import { extendTo, isChosen, NOTHING, targetOf, toggleOne } from "./selection";
import { applySuggestion, countCharacters, hasTerm, quoteValue, splitTerms, toggleTerm } from "./terms";
import { sharesOf } from "./splits";
import { chunk, digestOf } from "./upload";

describe("terms of a query", () => {
  test.each([
    ["dog", "dog"],
    ["불량", "불량"],
    ["golden retriever", '"golden retriever"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["a*b", '"a*b"'],
    ["OR", '"OR"'],
    ["image/png", '"image/png"'],
  ])("%s is written %s", (value, written) => expect(quoteValue(value)).toBe(written));

  test("brackets and quotes keep together", () => {
    expect(splitTerms('tag:"a b" (x OR y) -is:blurry  c\\ d')).toEqual(['tag:"a b"', "(x OR y)", "-is:blurry", "c\\ d"]);
  });

  test("a facet goes in and out", () => {
    expect(toggleTerm("", "tag:dog")).toBe("tag:dog");
    expect(toggleTerm("is:blurry", "tag:dog")).toBe("is:blurry tag:dog");
    expect(toggleTerm("is:blurry tag:dog", "tag:dog")).toBe("is:blurry");
    expect(toggleTerm("a OR b", "tag:dog")).toBe("(a OR b) tag:dog");
    expect(hasTerm("-tag:dog", "tag:dog")).toBe(false);
  });

  test("a suggestion takes the place of what it replaces, in characters", () => {
    const text = "🐶 ta";
    expect(countCharacters(text, text.length)).toBe(4);
    expect(applySuggestion(text, { text: "tag:", start: 2, end: 4 })).toEqual({ text: "🐶 tag:", cursor: 7 });
  });
});

describe("what is chosen", () => {
  const ids = ["a", "b", "c", "d", "e"];

  test("one by one", () => {
    const one = toggleOne(NOTHING, ids, 1);
    expect([...one.ids]).toEqual(["b"]);
    expect([...toggleOne(one, ids, 1).ids]).toEqual([]);
    expect(toggleOne(NOTHING, ids, 9)).toBe(NOTHING);
  });

  test("a stretch, either way, beside what was chosen", () => {
    const chosen = extendTo(toggleOne(NOTHING, ids, 3), ids, 1);
    expect([...chosen.ids].toSorted()).toEqual(["b", "c", "d"]);
    expect([...extendTo(NOTHING, ids, 2).ids]).toEqual(["c"]);
    // A drag begins where the button was pressed, wherever the anchor was.
    expect([...extendTo(toggleOne(NOTHING, ids, 0), ids, 4, 3).ids].toSorted()).toEqual(["a", "d", "e"]);
  });

  test("all that is found is told by the query, and one that is taken out ends that", () => {
    const all = { ids: new Set<string>(), anchor: null, all: true };
    expect(isChosen(all, "z")).toBe(true);
    expect(targetOf(all, "tag:dog")).toEqual({ query: "tag:dog" });
    const rest = toggleOne(all, ids, 0);
    expect(targetOf(rest, "tag:dog")).toEqual({ ids: ["b", "c", "d", "e"] });
  });
});

test("the same files have the same digest, in any order", async () => {
  const file = (name: string, size: number) => ({ name, file: { size, lastModified: 1 } });
  const digest = await digestOf([file("a", 1), file("b", 2)]);
  expect(digest).toBe(await digestOf([file("b", 2), file("a", 1)]));
  expect(digest).not.toBe(await digestOf([file("a", 1), file("b", 3)]));
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(chunk([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
});

test.each([
  ["3", 3],
  ["-0.5", -0.5],
  ["true", true],
  ["007", "007"],
  ["1e5", "1e5"],
  [" 한 줄 ", "한 줄"],
])("the field %s is %s", (typed, value) => expect(readValue(typed)).toBe(value));

test("what a change says is a line for each thing that it sets", () => {
  expect(describeChange({ add: ["a", "b"], remove: [], by: null, width: 3 })).toBe("add: a, b\nwidth: 3");
  expect(describeChange({ note: "x".repeat(500) }).length).toBeLessThan(200);
});

test("shares are those of the percents, without splits of nothing", () => {
  expect(sharesOf({ train: 90, val: 0, test: 10 })).toEqual({ train: 0.9, test: 0.1 });
});

test("a download is named by what it is of", () => {
  expect(fileName("parts 1", "https://s3.example/bucket/items.jsonl?X-Amz-Signature=a.b")).toBe("parts 1.jsonl");
  expect(fileName("parts 1", "https://s3.example/bucket/file")).toBe("parts 1");
});

describe("what a search is made of", () => {
  const dog: Part = { kind: "text", value: "개 on a sofa", weight: 1, box: null };
  const item: Part = { kind: "item", value: "a".repeat(32), weight: -0.5, box: { left: 0.1, top: 0.2, width: 0.3, height: 0.4 } };

  test("an address holds it", () => {
    expect(readParts(writeParts([dog, item]))).toEqual([dog, item]);
    expect(readParts(undefined)).toEqual([]);
  });

  test.each(["", "{", "7", "[[]]", '[["item","no id",1]]', '[["text","",1]]', '[["text","a",99]]', '[["script","a",1]]'])(
    "%s holds nothing",
    (text) => expect(readParts(text)).toEqual([]),
  );

  test("the same thing again only counts otherwise", () => {
    expect(addPart([dog, item], { ...item, weight: 1 })).toEqual([dog, { ...item, weight: 1 }]);
  });

  test("a box has its corners in any order, and stays within the image", () => {
    expect(boxBetween({ x: 0.8, y: 1.2 }, { x: 0.25, y: 0.5 })).toEqual({ left: 0.25, top: 0.5, width: 0.55, height: 0.5 });
    expect(boxBetween({ x: 0.5, y: 0.5 }, { x: 0.505, y: 0.9 })).toBeNull();
  });
});
