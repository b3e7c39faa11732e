// Dealing images into those that train, those that choose between models, and those that test.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { Dialog, ErrorNote } from "../../ui/parts";
import { refreshItems } from "./changes";

const SPLITS = ["train", "val", "test"] as const;
type Shares = Record<(typeof SPLITS)[number], number>;

export function SplitsDialog({ collection, query, onClose }: { collection: string; query: string; onClose: () => void }) {
  const { t, number } = useTexts();
  const queries = useQueryClient();
  const [percents, setPercents] = useState<Shares>({ train: 80, val: 10, test: 10 });
  const [seed, setSeed] = useState(0);
  const id = useId();
  const sum = SPLITS.reduce((total, name) => total + percents[name], 0);
  const deal = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/splits", {
          params: { path: { collection_id: collection } },
          body: { query, shares: sharesOf(percents), seed, stratify: true },
        }),
      ),
    onSuccess: () => refreshItems(queries, collection),
  });
  const made = deal.data;
  return (
    <Dialog title={t("splits.title")} onClose={onClose}>
      <p className="muted small">{t("splits.hint")}</p>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          deal.mutate();
        }}
      >
        {query !== "" && <p className="mono small">{query}</p>}
        <div className="form-line">
          {SPLITS.map((name) => (
            <label key={name} className="split" htmlFor={`${id}-${name}`}>
              {name} (%)
              <input
                id={`${id}-${name}`}
                type="number"
                min={0}
                max={100}
                value={percents[name]}
                onChange={(event) => setPercents({ ...percents, [name]: Number(event.target.value) })}
              />
            </label>
          ))}
          <label className="split" htmlFor={`${id}-seed`}>
            {t("splits.seed")}
            <input id={`${id}-seed`} type="number" value={seed} onChange={(event) => setSeed(Number(event.target.value))} />
          </label>
        </div>
        {sum !== 100 && <p className="bad small">{t("splits.sum", { sum: number(sum) })}</p>}
        {deal.error && <ErrorNote error={deal.error} />}
        <div className="form-end">
          <button className="button button-main" disabled={deal.isPending || sum !== 100}>
            {t("splits.deal")}
          </button>
        </div>
      </form>
      {made && (
        <div role="status">
          <dl className="facts">
            {SPLITS.map((name) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{t("grid.count", { count: number(made.counts[name] ?? 0) })}</dd>
              </div>
            ))}
            <div>
              <dt>{t("splits.groups")}</dt>
              <dd>{number(made.groups)}</dd>
            </div>
            <div>
              <dt>{t("splits.leaks")}</dt>
              <dd className={made.count > 0 ? "bad" : undefined}>{number(made.count)}</dd>
            </div>
          </dl>
        </div>
      )}
    </Dialog>
  );
}

/** Percents as shares that add up to 1; a split of nothing is left out. */
export function sharesOf(percents: Shares): Partial<Shares> {
  return Object.fromEntries(SPLITS.filter((name) => percents[name] > 0).map((name) => [name, percents[name] / 100]));
}
