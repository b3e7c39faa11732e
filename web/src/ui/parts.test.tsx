// Text of others never becomes markup, and errors say what they know.
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";

import { ApiProblem, unwrap } from "../api/client";
import { LanguageProvider } from "../i18n";
import { ErrorNote, Picture, describeError } from "./parts";

const HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>";

afterEach(cleanup);

test("a hostile message is shown as text", () => {
  render(
    <LanguageProvider>
      <ErrorNote error={new ApiProblem(422, { detail: HOSTILE }, "id-1")} />
    </LanguageProvider>,
  );
  expect(screen.getByText(HOSTILE)).toBeTruthy();
  expect(document.querySelector("img, script")).toBeNull();
  expect(document.body.textContent).toContain("id-1");
});

test("an image that is gone says so", () => {
  render(
    <LanguageProvider>
      <Picture src={null} alt={HOSTILE} />
    </LanguageProvider>,
  );
  expect(document.querySelector("img")).toBeNull();
});

test("a problem is thrown with its words and the id that finds it", async () => {
  const response = new Response(null, { status: 404 });
  const problem = { type: "urn:framesift:problem:not-found", detail: "There is none.", request_id: "r-1" };
  const error = await unwrap(Promise.resolve({ error: problem, response })).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 404, kind: "not-found", message: "There is none.", id: "r-1" });
});

test("what the gateway itself refuses has its id in a header", async () => {
  const response = new Response(null, { status: 429, headers: { "apigw-requestid": "g-1" } });
  const error = await unwrap(Promise.resolve({ error: { message: "Too Many Requests" }, response })).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ message: "Too Many Requests", id: "g-1" });
});

test("a server that does not answer is told apart", () => {
  expect(describeError(new TypeError("Failed to fetch"), "offline")).toEqual({ text: "offline", id: "" });
});
