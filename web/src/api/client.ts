// The API as its OpenAPI description has it: a change of the contract fails the build.
import createClient, { type Middleware } from "openapi-fetch";

import { session } from "../auth/session";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** What the API refuses, in its own words; `id` finds the request in the logs. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly kind: string;
  readonly id: string;
  readonly problem: Partial<Problem>;

  constructor(status: number, problem: Partial<Problem>, id: string) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "ApiProblem";
    this.status = status;
    this.kind = (problem.type ?? "").replace("urn:framesift:problem:", "");
    this.id = id;
    this.problem = problem;
  }
}

const authorize: Middleware = {
  async onRequest({ request }) {
    const token = await session.token();
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
};

/** For whoever comes: lists. */
export const publicApi = createClient<paths>({ baseUrl: "/" });
/** For who is logged in. */
export const api = createClient<paths>({ baseUrl: "/" });
api.use(authorize);

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of an answer; an answer that is a problem is thrown. */
export async function unwrap<Data>(answering: Promise<Answer<Data>>): Promise<NonNullable<Data>> {
  const { data, error, response } = await answering;
  if (!response.ok) {
    const problem: Partial<Problem> = isRecord(error) ? error : {};
    // What the gateway refuses itself has a message, and its id in a header.
    const detail = problem.detail ?? (isRecord(error) && typeof error.message === "string" ? error.message : undefined);
    const id = problem.request_id ?? response.headers.get("apigw-requestid") ?? "";
    throw new ApiProblem(response.status, { ...problem, ...(detail === undefined ? {} : { detail }) }, id);
  }
  return data as NonNullable<Data>;
}

function isRecord(value: unknown): value is Record<string, unknown> & Partial<Problem> {
  return typeof value === "object" && value !== null;
}
