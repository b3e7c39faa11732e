import { describe, expect, test } from "vitest";

import { readValue } from "./item";
import { extendTo, isChosen, NOTHING, targetOf, toggleOne } from "./selection";
import { applySuggestion, countCharacters, hasTerm, quoteValue, splitTerms, toggleTerm } from "./terms";
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
