import { describe, expect, test, vi, afterEach } from "vitest";

import { makeChallenge, randomText } from "./pkce";
import { isOwnPath, readPerson, Session } from "./session";

const token = (claims: object) => `h.${btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims))))}.s`;
const granted = (expires_in: number, claims: object = { sub: "u1", username: "kim" }) =>
  new Response(JSON.stringify({ access_token: token(claims), expires_in }));

afterEach(() => vi.unstubAllGlobals());

test("the challenge is that of RFC 7636's example", async () => {
  expect(await makeChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  );
  expect(randomText()).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

describe("where a login leads back to", () => {
  test.each(["/day", "/runs?source=tiktok"])("%s is this page's", (path) => expect(isOwnPath(path)).toBe(true));
  test.each(["//evil.example", "/\\evil.example", "https://evil.example", ""])("%s is not", (path) =>
    expect(isOwnPath(path)).toBe(false),
  );
});

test("a name of any script is read from a token", () => {
  expect(readPerson(token({ sub: "u1", username: "김하늘", "cognito:groups": ["admin"] }))).toEqual({
    id: "u1",
    name: "김하늘",
    groups: ["admin"],
  });
});

test("many requests at once renew the token once, and it is taken again while it is good", async () => {
  const ask = vi.fn(() => Promise.resolve(granted(3600)));
  vi.stubGlobal("fetch", ask);
  const session = new Session();
  const [first, second] = await Promise.all([session.token(), session.token()]);
  expect(first).toBe(second);
  await session.token();
  expect(ask).toHaveBeenCalledTimes(1);
  expect(session.state().status).toBe("in");
});

test("a token that is about to end is renewed", async () => {
  const ask = vi.fn(() => Promise.resolve(granted(30)));
  vi.stubGlobal("fetch", ask);
  const session = new Session();
  await session.token();
  await session.token();
  expect(ask).toHaveBeenCalledTimes(2);
});

test.each([204, 401])("%i means that nobody is logged in, and is not asked again", async (status) => {
  const ask = vi.fn(() => Promise.resolve(new Response(null, { status })));
  vi.stubGlobal("fetch", ask);
  const session = new Session();
  expect(await session.token()).toBeNull();
  expect(await session.token()).toBeNull();
  expect(ask).toHaveBeenCalledTimes(1);
  expect(session.state().status).toBe("out");
});

test("a server that is down logs nobody out", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status: 503 })));
  const session = new Session();
  await expect(session.token()).rejects.toThrow("503");
  expect(session.state().status).toBe("unknown");
});

test("a callback that this tab has not begun is refused", async () => {
  sessionStorage.setItem("framesift-login", JSON.stringify({ state: "mine", verifier: "v", back: "/runs" }));
  const session = new Session();
  await expect(session.complete(new URLSearchParams({ code: "c", state: "another" }))).rejects.toThrow("unexpected");
  expect(sessionStorage.getItem("framesift-login")).toBeNull();
});

test("nothing of a login is left in the browser's storage", async () => {
  sessionStorage.setItem("framesift-login", JSON.stringify({ state: "mine", verifier: "v", back: "//evil.example" }));
  vi.stubGlobal("fetch", () => Promise.resolve(granted(3600)));
  const session = new Session();
  expect(await session.complete(new URLSearchParams({ code: "c", state: "mine" }))).toBe("/");
  expect([sessionStorage.length, localStorage.length]).toEqual([0, 0]);
});
