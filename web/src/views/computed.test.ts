import { describe, expect, test } from "vitest";

import { chooseLanguage, fill, makeTexts } from "../i18n";
import { en } from "../i18n/en";
import { ko } from "../i18n/ko";
import { readQuery, writeQuery } from "../router";
import { findShortcut } from "../ui/shortcuts";
import { webAddress } from "./day/clip";
import { hasGap, methodKey, moveOf, shiftDay } from "./day/ranks";
import { adviceFor, shareOf } from "./runs/advice";
import { toggle } from "./runs/start";

test("a list says how it moved", () => {
  expect(moveOf({ rank: 2, previous_rank: 5 })).toEqual({ kind: "up", places: 3 });
  expect(moveOf({ rank: 5, previous_rank: 2 })).toEqual({ kind: "down", places: 3 });
  expect(moveOf({ rank: 1, previous_rank: 1 })).toEqual({ kind: "same" });
  expect(moveOf({ rank: 1, previous_rank: null })).toEqual({ kind: "new" });
  expect(hasGap([{ rank: 1 }, { rank: 3 }])).toBe(true);
  expect(hasGap([{ rank: 1 }, { rank: 2 }])).toBe(false);
});

test("days are counted over months and years", () => {
  expect(shiftDay("2026-12-31", 1)).toBe("2027-01-01");
  expect(shiftDay("2028-03-01", -1)).toBe("2028-02-29");
});

test("every failure has advice", () => {
  expect(adviceFor("CaptchaShownError")).toBe("advice.captcha");
  expect(adviceFor("TranslateQuotaError")).toBe("advice.temporary");
  expect(adviceFor("UnknownSettingError")).toBe("advice.settings");
  expect(adviceFor("Nonsense")).toBe("advice.other");
  expect([methodKey("pdq"), methodKey("copydetect@1")]).toEqual(["pdq", "other"]);
});

test("progress stays between nothing and all", () => {
  expect([shareOf(1, 4), shareOf(5, 4), shareOf(0, 0)]).toEqual([0.25, 1, 0]);
});

test("all categories, and none, mean all", () => {
  const all = ["main", "dance", "food"];
  expect(toggle(all, "dance", all)).toEqual(["main", "food"]);
  expect(toggle(["main", "food"], "dance", all)).toEqual([]);
  expect(toggle(["main"], "main", all)).toEqual([]);
});

describe("links that others gave", () => {
  test.each(["javascript:alert(1)", "data:text/html,x", "no address", ""])("%s is no link", (address) =>
    expect(webAddress(address)).toBeNull(),
  );
  test("a web site is one", () => expect(webAddress("https://example.com/a b")).toBe("https://example.com/a%20b"));
});

test("an id of digits stays what it is in the address", () => {
  expect(readQuery(writeQuery({ clip: "73000000000001004", view: undefined }))).toEqual({ clip: "73000000000001004" });
  expect(writeQuery({})).toBe("");
});

test("both languages have the same places to fill", () => {
  const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).toSorted();
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(places(ko[key]), key).toEqual(places(en[key]));
  expect(fill("{a} of {b}", { a: 1 })).toBe("1 of {b}");
});

test("the language is the person's choice, then the browser's", () => {
  expect(chooseLanguage("en", ["ko-KR"])).toBe("en");
  expect(chooseLanguage(null, ["fr", "ko"])).toBe("ko");
  expect(chooseLanguage("xx", ["fr"])).toBe("en");
  expect(makeTexts("ko", () => undefined).duration(94)).toBe("1분 34초");
  expect(makeTexts("en", () => undefined).duration(7.4)).toBe("7 s");
});

test("a key of the view wins over the page's, and keys after each other are one", () => {
  const pressed: string[] = [];
  const shortcut = (name: string, ...keys: string[]) => ({ keys, shown: "", label: "", run: () => pressed.push(name) });
  const groups = [
    { title: "", shortcuts: [shortcut("page", "g r", "a")] },
    { title: "", shortcuts: [shortcut("view", "a", "r")] },
  ];
  expect(findShortcut(groups, "", "g")).toBe("wait");
  for (const [before, key] of [["g", "r"], ["", "r"], ["", "a"]] as const) {
    const found = findShortcut(groups, before, key);
    if (found !== null && found !== "wait") found.run(key);
  }
  expect(pressed).toEqual(["page", "view", "view"]);
  expect(findShortcut(groups, "", "q")).toBeNull();
});
