// What has been done, said in a corner, with a way back: undo takes the place of "are you sure".
import { createContext, use, useCallback, useMemo, useRef, useState, type ReactNode } from "react";

import { useTexts } from "../i18n";
import { Icon } from "./icons";
import { describeError } from "./parts";

const SHOWN_MS = 8_000;

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  undo: (() => void) | undefined;
}

interface Toasts {
  say: (text: string, undo?: () => void) => void;
  fail: (error: unknown) => void;
}

const Context = createContext<Toasts | null>(null);

export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useTexts();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback(
    (text: string, bad: boolean, undo?: () => void) => {
      const id = next.current++;
      setToasts((all) => [...all.slice(-2), { id, text, bad, undo }]);
      setTimeout(() => drop(id), bad ? 2 * SHOWN_MS : SHOWN_MS);
    },
    [drop],
  );
  const offline = t("error.offline");
  const value = useMemo<Toasts>(
    () => ({
      say: (text, undo) => add(text, false, undo),
      fail: (error) => {
        const { text, id } = describeError(error, offline);
        add(id === "" ? text : `${text} (${id})`, true);
      },
    }),
    [add, offline],
  );
  return (
    <Context value={value}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={toast.bad ? "toast toast-bad" : "toast"}>
            <span>{toast.text}</span>
            {toast.undo && (
              <button
                className="button button-quiet"
                onClick={() => {
                  drop(toast.id);
                  toast.undo?.();
                }}
              >
                <Icon name="undo" />
                {t("undo")}
              </button>
            )}
            <button className="button button-icon button-quiet" aria-label={t("close")} onClick={() => drop(toast.id)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useToasts(): Toasts {
  const toasts = use(Context);
  if (toasts === null) throw new Error("ToastProvider is missing");
  return toasts;
}
