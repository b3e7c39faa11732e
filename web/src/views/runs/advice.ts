// What to do next after a failure, by the error's name.
import type { Key } from "../../i18n";

const ADVICE: readonly (readonly [RegExp, Key])[] = [
  [/^CaptchaShown/, "advice.captcha"],
  [/^CrawlBlocked/, "advice.blocked"],
  [/^LoginRequired/, "advice.login"],
  [/^Empty(Page|Feed|List)/, "advice.empty"],
  [/^SiteUnreachable/, "advice.unreachable"],
  [/(Settings|Secret|Key|TagsDiffer|ProjectNotFound|Denied|Unknown)/, "advice.settings"],
  [/^Interrupted/, "advice.interrupted"],
  [/(Quota|Unavailable|Timeout|Busy|Limit|Throttl|Temporary)/, "advice.temporary"],
];

export function adviceFor(error: string): Key {
  return ADVICE.find(([pattern]) => pattern.test(error))?.[1] ?? "advice.other";
}

/** How far something is, from 0 to 1. */
export function shareOf(done: number, total: number): number {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
}
