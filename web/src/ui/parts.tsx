// Small parts that every view is made of.
import { useEffect, useId, useRef, type ReactNode } from "react";

import { ApiProblem } from "../api/client";
import { useTexts, type Key } from "../i18n";
import { Icon, type IconName } from "./icons";

export function PageHead({ title, hint, children }: { title: string; hint?: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Framesift`;
  }, [title]);
  return (
    <header className="page-head">
      <div>
        <h1>{title}</h1>
        {hint !== undefined && <p className="muted">{hint}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </header>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** What went wrong, in the problem's own words, with the id that finds it in the logs. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTexts();
  const { text, id } = describeError(error, t("error.offline"));
  return (
    <div className="note note-bad" role="alert">
      <Icon name="alert" />
      <div>
        <p className="note-title">{t("error.title")}</p>
        <p>{text}</p>
        {id !== "" && <p className="muted mono">{t("error.id", { id })}</p>}
      </div>
      {onRetry && (
        <button className="button" onClick={onRetry}>
          {t("retry")}
        </button>
      )}
    </div>
  );
}

export function describeError(error: unknown, offline: string): { text: string; id: string } {
  if (error instanceof ApiProblem) return { text: error.message, id: error.id };
  // `fetch` reports a server that does not answer as a TypeError without further words.
  if (error instanceof TypeError) return { text: offline, id: "" };
  return { text: error instanceof Error ? error.message : String(error), id: "" };
}

export function Skeleton({ lines = 3, kind = "lines" }: { lines?: number; kind?: "lines" | "cards" }) {
  const { t } = useTexts();
  return (
    <div className={`skeleton skeleton-${kind}`} role="status" aria-label={t("loading")}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

const STATUS_TONE: Record<string, string> = { RUNNING: "busy", SUCCEEDED: "good", PARTIAL: "info", FAILED: "bad" };

export function StatusBadge({ status }: { status: string }) {
  const { named } = useTexts();
  return <span className={`badge badge-${STATUS_TONE[status] ?? "plain"}`}>{named("status", status)}</span>;
}

/**
 * An image of the bucket; one that is no longer stored says so.
 *
 * It is asked for with this page's origin: the bucket answers pages that it knows.
 */
export function Picture({
  src,
  alt,
  className = "",
  onRatio,
  ...size
}: {
  src: string | null | undefined;
  alt: string;
  className?: string;
  width?: number;
  height?: number;
  loading?: "lazy" | "eager";
  /** Told the image's width by its height, once it is known. */
  onRatio?: (ratio: number) => void;
}) {
  const { t } = useTexts();
  if (!src) {
    return (
      <span className={`picture picture-gone ${className}`}>
        <Icon name="image" />
        <span>{t("image.gone")}</span>
      </span>
    );
  }
  return (
    <img
      className={`picture ${className}`}
      src={src}
      alt={alt}
      crossOrigin="anonymous"
      decoding="async"
      loading="lazy"
      draggable={false}
      onLoad={({ currentTarget }) => onRatio?.(currentTarget.naturalWidth / currentTarget.naturalHeight)}
      {...size}
    />
  );
}

/** A dialog of the browser's own: it keeps the focus, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
  side = false,
  wide = false,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  side?: boolean;
  wide?: boolean;
}) {
  const { t } = useTexts();
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={side ? "dialog dialog-side" : wide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button className="button button-icon" onClick={onClose} aria-label={t("close")}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Choices of which one holds; arrows move between them, as between radio buttons. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: readonly { value: Value; label: string; count?: number | undefined }[];
  onChange: (value: Value) => void;
}) {
  const { number } = useTexts();
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={option.value === value ? "segment segment-on" : "segment"}>
          <input
            type="radio"
            className="hidden"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
          {option.count !== undefined && <span className="count">{number(option.count)}</span>}
        </label>
      ))}
    </fieldset>
  );
}

/** Asks for the next page, where there is one. */
export function More({ of: { hasNextPage, fetchNextPage } }: { of: { hasNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useTexts();
  return (
    hasNextPage && (
      <p className="more">
        <button className="button" onClick={() => void fetchNextPage()}>
          {t("more")}
        </button>
      </p>
    )
  );
}

export function Keys({ of }: { of: string }) {
  return (
    <span className="keys" aria-hidden="true">
      {of.split(" ").map((key, index) => (
        <kbd key={index}>{key}</kbd>
      ))}
    </span>
  );
}

export function useNamedCategory(): (category: string) => string {
  const { named } = useTexts();
  return (category) => {
    const found = named("day.category", category);
    return found.startsWith("day.category.") ? category : found;
  };
}

export function useNamed(prefix: "outcome" | "runs.source" | "run.stage" | "runs.trigger"): (value: string) => string {
  const { named } = useTexts();
  return (value) => {
    const found = named(prefix, value);
    return found === `${prefix}.${value}` ? value : found;
  };
}

export type { Key };
