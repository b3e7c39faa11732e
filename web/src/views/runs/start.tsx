import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useAbout } from "../../auth/hooks";
import { useTexts } from "../../i18n";
import { Dialog, ErrorNote, useNamedCategory } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";

/** Start a run, and go where it can be watched. */
export function useStart() {
  const { t, day } = useTexts();
  const toasts = useToasts();
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (start: Schemas["RunStart"]) => unwrap(api.POST("/v1/runs", { body: start })),
    onSuccess: async (started) => {
      toasts.say(t("runs.started", { date: day(started.date) }));
      await queries.invalidateQueries({ queryKey: ["runs", started.source] });
      await queries.invalidateQueries({ queryKey: ["run", started.source, started.date] });
      await navigate({ to: "/runs/$source/$date", params: { source: started.source, date: started.date } });
    },
  });
}

export function StartDialog({ source, onClose }: { source: string; onClose: () => void }) {
  const { t } = useTexts();
  const about = useAbout();
  const named = useNamedCategory();
  const start = useStart();
  const [date, setDate] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [force, setForce] = useState(false);
  const dateField = useId();
  const categories = source === "tiktok" ? (about?.categories ?? []) : [];
  return (
    <Dialog title={t("runs.start")} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(
            {
              source,
              force,
              ...(date === "" ? {} : { date }),
              ...(chosen.length === 0 ? {} : { categories: [...chosen] }),
            },
            { onSuccess: onClose },
          );
        }}
      >
        <p className="muted">{t("runs.start.hint")}</p>
        <label htmlFor={dateField}>{t("runs.start.date")}</label>
        <input
          id={dateField}
          type="date"
          value={date}
          aria-describedby={`${dateField}-hint`}
          onChange={(event) => setDate(event.target.value)}
        />
        <p className="muted small" id={`${dateField}-hint`}>
          {t("runs.start.today")}
        </p>
        {categories.length > 0 && (
          <fieldset className="checks">
            <legend>{t("runs.start.categories")}</legend>
            {categories.map((category) => (
              <label key={category} className="check">
                <input
                  type="checkbox"
                  checked={chosen.length === 0 || chosen.includes(category)}
                  onChange={() => setChosen(toggle(chosen.length === 0 ? categories : chosen, category, categories))}
                />
                {named(category)}
              </label>
            ))}
          </fieldset>
        )}
        <label className="check">
          <input type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} />
          {t("runs.start.force")}
        </label>
        {start.error && <ErrorNote error={start.error} />}
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button className="button button-main" disabled={start.isPending}>
            {t("runs.start.go")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Take a category in or out; all of them, and none, stand for all: an empty list. */
export function toggle(chosen: readonly string[], one: string, all: readonly string[]): readonly string[] {
  const next = chosen.includes(one) ? chosen.filter((each) => each !== one) : [...chosen, one];
  return next.length === all.length ? [] : all.filter((each) => next.includes(each));
}
