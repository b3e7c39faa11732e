// Korean and English: every text has both, or the build fails.
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from "react";

import { en, type Key } from "./en";
import { ko } from "./ko";

export type Language = "ko" | "en";
export type { Key } from "./en";
type Values = Record<string, string | number>;

const STORED = "framesift-language";
const TEXTS: Record<Language, Record<Key, string>> = { en, ko };

export interface Texts {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: Key, values?: Values) => string;
  /** The text of a key that is made of data, such as a status; else the data itself. */
  named: (prefix: string, value: string) => string;
  number: (value: number) => string;
  compact: (value: number) => string;
  percent: (value: number) => string;
  day: (date: string) => string;
  moment: (at: string) => string;
  duration: (seconds: number) => string;
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export function makeTexts(language: Language, setLanguage: (language: Language) => void): Texts {
  const texts = TEXTS[language];
  const locale = language === "ko" ? "ko-KR" : "en-GB";
  const number = new Intl.NumberFormat(locale);
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  return {
    language,
    setLanguage,
    t: (key, values) => fill(texts[key], values),
    named: (prefix, value) => {
      const key = `${prefix}.${value}`;
      return key in texts ? texts[key as Key] : value;
    },
    number: (value) => number.format(value),
    compact: (value) => compact.format(value),
    percent: (value) => percent.format(value),
    day: (date) => day.format(new Date(`${date}T00:00:00Z`)),
    moment: (at) => moment.format(new Date(at)),
    duration: (seconds) => formatDuration(seconds, language),
  };
}

function formatDuration(seconds: number, language: Language): string {
  const total = Math.max(0, Math.round(seconds));
  const [minute, second] = language === "ko" ? ["분", "초"] : [" min", " s"];
  const minutes = Math.floor(total / 60);
  return minutes > 0 ? `${minutes}${minute} ${total % 60}${second}` : `${total}${second}`;
}

const Context = createContext<Texts | null>(null);

export function chooseLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (stored === "ko" || stored === "en") return stored;
  return preferred.some((each) => each.toLowerCase().startsWith("ko")) ? "ko" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(() =>
    chooseLanguage(localStorage.getItem(STORED), navigator.languages),
  );
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const texts = useMemo(
    () =>
      makeTexts(language, (chosen) => {
        localStorage.setItem(STORED, chosen);
        setLanguage(chosen);
      }),
    [language],
  );
  return <Context value={texts}>{children}</Context>;
}

export function useTexts(): Texts {
  const texts = use(Context);
  if (texts === null) throw new Error("LanguageProvider is missing");
  return texts;
}
