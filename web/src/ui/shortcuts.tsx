// Keys of the whole page and of the view that is shown, and the sheet that lists them.
import { createContext, use, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { useTexts } from "../i18n";
import { Dialog, Keys } from "./parts";

export interface Shortcut {
  /** `KeyboardEvent.key`, with `Shift+` before it; `g d` is one key after the other. */
  keys: readonly string[];
  /** As the help shows them. */
  shown: string;
  label: string;
  run: (key: string) => void;
}

interface Group {
  title: string;
  shortcuts: readonly Shortcut[];
}

interface Registry {
  add: (group: Group) => () => void;
  show: () => void;
}

const Context = createContext<Registry | null>(null);
const SEQUENCE_MS = 1_200;

/** Whether a key is meant for a field rather than for the page. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["radio", "checkbox", "button", "range"].includes(target.type);
}

/** The shortcut of a key, after those that were pressed just before. */
export function findShortcut(
  groups: readonly Group[],
  before: string,
  key: string,
): { run: Shortcut["run"] } | "wait" | null {
  const all = groups.flatMap((group) => group.shortcuts);
  const sequence = before === "" ? key : `${before} ${key}`;
  const exact = all.findLast((each) => each.keys.includes(sequence)) ?? all.findLast((each) => each.keys.includes(key));
  if (exact) return exact;
  return all.some((each) => each.keys.some((keys) => keys.startsWith(`${key} `))) ? "wait" : null;
}

export function keyOf(event: KeyboardEvent): string {
  const named = event.key.length > 1;
  return event.shiftKey && named ? `Shift+${event.key}` : event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

export function ShortcutProvider({ children }: { children: ReactNode }) {
  const { t } = useTexts();
  const groups = useRef<readonly Group[]>([]);
  const [help, setHelp] = useState<readonly Group[] | null>(null);
  const registry = useMemo<Registry>(
    () => ({
      add: (group) => {
        groups.current = [...groups.current, group];
        return () => {
          groups.current = groups.current.filter((each) => each !== group);
        };
      },
      show: () => setHelp(groups.current),
    }),
    [],
  );
  useEffect(() => {
    let before = "";
    let pressedAt = 0;
    const onKey = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      if (event.defaultPrevented || modified || isTyping(event.target)) return;
      // What a dialog shows has its own keys.
      if (document.querySelector("dialog[open]")) return;
      const key = keyOf(event);
      const found = findShortcut(groups.current, event.timeStamp - pressedAt < SEQUENCE_MS ? before : "", key);
      before = found === "wait" ? key : "";
      pressedAt = event.timeStamp;
      if (found === null || found === "wait") return;
      event.preventDefault();
      found.run(key);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <Context value={registry}>
      {children}
      {help && (
        <Dialog title={t("keys.title")} onClose={() => setHelp(null)}>
          {help.map((group) => (
            <section key={group.title}>
              <h3>{group.title}</h3>
              <dl className="key-list">
                {group.shortcuts.map((shortcut) => (
                  <div key={shortcut.shown}>
                    <dt>{shortcut.label}</dt>
                    <dd>
                      <Keys of={shortcut.shown} />
                      <span className="hidden">{shortcut.shown}</span>
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </Dialog>
      )}
    </Context>
  );
}

/** Let keys do something for as long as the calling part is shown. */
export function useShortcuts(title: string, shortcuts: readonly Shortcut[]): void {
  const registry = useShortcutHelp();
  const newest = useRef(shortcuts);
  useEffect(() => {
    newest.current = shortcuts;
  });
  const names = shortcuts.map((each) => `${each.label} ${each.shown}`).join();
  useEffect(() => {
    const stable = newest.current.map((each, index) => ({
      ...each,
      run: (key: string) => newest.current[index]?.run(key),
    }));
    return registry.add({ title, shortcuts: stable });
  }, [registry, title, names]);
}

export function useShortcutHelp(): Registry {
  const registry = use(Context);
  if (registry === null) throw new Error("ShortcutProvider is missing");
  return registry;
}
