// The query, with what could come next, and errors at their place.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";

import { api, ApiProblem, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { applySuggestion, countCharacters } from "./terms";

const PAUSE_MS = 150;
const SHOWN = 10;

export function QueryBar({
  collection,
  query,
  error,
  onSearch,
}: {
  collection: string;
  query: string;
  error: unknown;
  onSearch: (query: string) => void;
}) {
  const { t } = useTexts();
  const [text, setText] = useState(query);
  const [cursor, setCursor] = useState(query.length);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const settled = useSettled({ text, cursor: countCharacters(text, cursor) });
  const found = useQuery({
    queryKey: ["complete", collection, settled.text, settled.cursor],
    enabled: open,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/complete", {
          params: { path: { collection_id: collection }, query: { query: settled.text, cursor: settled.cursor } },
          signal,
        }),
      ),
    staleTime: 60_000,
  });
  const suggestions = open && settled.text === text ? (found.data?.suggestions ?? []).slice(0, SHOWN) : [];
  const chosen = suggestions[active];

  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, dialog");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  const apply = (index: number) => {
    const suggestion = suggestions[index];
    if (!suggestion) return;
    const applied = applySuggestion(text, suggestion);
    setText(applied.text);
    setCursor(applied.cursor);
    setActive(-1);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(applied.cursor, applied.cursor);
    });
  };
  const search = () => {
    setOpen(false);
    setActive(-1);
    onSearch(text.trim());
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return; // A Korean syllable is still being made.
    const last = suggestions.length - 1;
    if (event.key === "ArrowDown" && last >= 0) setActive(active >= last ? 0 : active + 1);
    else if (event.key === "ArrowUp" && last >= 0) setActive(active <= 0 ? last : active - 1);
    else if (event.key === "Tab" && chosen) apply(active);
    else if (event.key === "Enter") {
      if (chosen) apply(active);
      else search();
    } else if (event.key === "Escape" && open) setOpen(false);
    else return;
    event.preventDefault();
  };
  const problem = error instanceof ApiProblem && error.problem.column !== undefined ? error : null;
  const column = problem?.problem.column ?? 0;
  return (
    <form
      className="query"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search();
      }}
    >
      <div className="query-field">
        <input
          ref={field}
          role="combobox"
          aria-label={t("query.label")}
          aria-expanded={suggestions.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={chosen ? `${list}-${active}` : undefined}
          aria-invalid={problem !== null}
          aria-describedby={problem ? `${list}-error` : undefined}
          className="query-input mono"
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          placeholder={t("query.placeholder")}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setCursor(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setActive(-1);
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKey}
        />
        <ul className="query-list" id={list} role="listbox" aria-label={t("query.suggestions")} hidden={suggestions.length === 0}>
          {suggestions.map((suggestion, index) => (
            <li
              key={`${suggestion.start} ${suggestion.text}`}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === active}
              className={index === active ? "option option-on" : "option"}
              onPointerDown={(event) => {
                event.preventDefault(); // The field keeps the focus.
                apply(index);
              }}
            >
              <span className="mono">{suggestion.text}</span>
              <span className="muted small">{suggestion.help}</span>
            </li>
          ))}
        </ul>
      </div>
      <button className="button button-main">{t("query.search")}</button>
      {problem && (
        <div className="query-error" id={`${list}-error`} role="alert">
          {query !== "" && (
            <pre className="mono" aria-hidden="true">
              {query}
              {"\n"}
              {" ".repeat(Math.max(0, column - 1))}^
            </pre>
          )}
          <p>{problem.message}</p>
          {problem.problem.expected && problem.problem.expected.length > 0 && (
            <p className="small">{t("query.expected", { what: problem.problem.expected.join(", ") })}</p>
          )}
        </div>
      )}
    </form>
  );
}

/** A value once it has not changed for a moment. */
function useSettled<Value extends { text: string; cursor: number }>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  const { text, cursor } = value;
  useEffect(() => {
    const timer = setTimeout(() => setSettled((old) => (old.text === text && old.cursor === cursor ? old : value)), PAUSE_MS);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the parts are what matters
  }, [text, cursor]);
  return settled;
}
