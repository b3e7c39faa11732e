// Who is logged in. The access token is in this module's memory alone; the refresh token is in a cookie that no script
// can read, and is good for nothing but POST /v1/session/refresh of this very origin.
import { makeChallenge, randomText } from "./pkce";

const PENDING = "framesift-login";
const CHANNEL = "framesift-session";
/** Renewed before it ends, so that no request meets an expired token. */
const MARGIN_MS = 60_000;

export interface LoginSettings {
  authorize_url: string;
  client_id: string;
  scope: string;
}

export interface Person {
  id: string;
  name: string;
  groups: readonly string[];
}

export type SessionState = { status: "unknown" } | { status: "out" } | { status: "in"; person: Person };

interface Token {
  value: string;
  endsAt: number;
}

interface Pending {
  state: string;
  verifier: string;
  back: string;
}

export class Session {
  #state: SessionState = { status: "unknown" };
  #token: Token | null = null;
  #renewing: Promise<string | null> | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #channel: BroadcastChannel | null;

  constructor() {
    // A logout in one tab is a logout in all.
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
    this.#channel?.addEventListener("message", () => this.#set({ status: "out" }, null));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** An access token that is good for a while; null: nobody is logged in. */
  async token(): Promise<string | null> {
    if (this.#token && this.#token.endsAt - MARGIN_MS > Date.now()) return this.#token.value;
    if (this.#state.status === "out") return null;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Go to the login; it comes back to `back`, a path of this page. */
  async begin(login: LoginSettings, back: string): Promise<void> {
    const pending: Pending = { state: randomText(), verifier: randomText(), back };
    // Worthless without the code, which only the login's redirect brings; gone with the tab.
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    const query = new URLSearchParams({
      response_type: "code",
      client_id: login.client_id,
      redirect_uri: callbackUrl(),
      scope: login.scope,
      state: pending.state,
      code_challenge: await makeChallenge(pending.verifier),
      code_challenge_method: "S256",
    });
    window.location.assign(`${login.authorize_url}?${query}`);
  }

  /** Redeem what the login has brought back; returns the path to go on with. */
  async complete(query: URLSearchParams): Promise<string> {
    const kept = sessionStorage.getItem(PENDING);
    sessionStorage.removeItem(PENDING);
    const pending = kept === null ? null : (JSON.parse(kept) as Pending);
    const code = query.get("code");
    if (pending === null || code === null || query.get("state") !== pending.state) {
      throw new LoginError(query.get("error") ?? "unexpected");
    }
    const answer = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code, code_verifier: pending.verifier, redirect_uri: callbackUrl() }),
    });
    if (!answer.ok) throw new LoginError(String(answer.status));
    this.#keep((await answer.json()) as Granted);
    return isOwnPath(pending.back) ? pending.back : "/";
  }

  async end(): Promise<void> {
    try {
      await fetch("/v1/session", { method: "DELETE" });
    } finally {
      this.#set({ status: "out" }, null);
      this.#channel?.postMessage("out");
    }
  }

  async #renew(): Promise<string | null> {
    const answer = await fetch("/v1/session/refresh", { method: "POST" });
    if (answer.status === 200) return this.#keep((await answer.json()) as Granted);
    // Only a refusal ends the login: a server that is down may be back soon.
    if (answer.status !== 401 && answer.status !== 204) throw new Error(`The login cannot be renewed: HTTP ${answer.status}`);
    this.#set({ status: "out" }, null);
    return null;
  }

  #keep(granted: Granted): string {
    const token = { value: granted.access_token, endsAt: Date.now() + granted.expires_in * 1000 };
    this.#set({ status: "in", person: readPerson(granted.access_token) }, token);
    return token.value;
  }

  #set(state: SessionState, token: Token | null): void {
    this.#state = state;
    this.#token = token;
    for (const listener of this.#listeners) listener();
  }
}

export class LoginError extends Error {}

interface Granted {
  access_token: string;
  expires_in: number;
}

/** A path of this page, and no other site's address: `//evil.example` is one. */
export function isOwnPath(path: string): boolean {
  return /^\/(?![/\\])/.test(path);
}

/** Who a token is of, for showing: the API checks it, the page need not. */
export function readPerson(token: string): Person {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const groups = claims["cognito:groups"];
  return {
    id: text(claims.sub),
    name: text(claims.username) || text(claims.sub),
    groups: Array.isArray(groups) ? groups.map(text) : [],
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function callbackUrl(): string {
  return `${window.location.origin}/callback`;
}

export const session = new Session();
