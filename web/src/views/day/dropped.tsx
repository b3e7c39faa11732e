// Why clips are not in a list: re-uploads beside what they repeat, and the others by reason.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Empty, ErrorNote, Picture, Segments, Skeleton, useNamed } from "../../ui/parts";
import { SOURCE } from "./takedowns";
import { methodKey } from "./ranks";

type Outcome = Schemas["Outcome"];
type DayItem = Schemas["DayItem"];
type SeenItem = Schemas["SeenItem"];

const PAGE = 24;
const REASONS: readonly Outcome[] = ["below_top", "language", "taken_down", "repeated_url", "failed", "undecided"];

interface Wanted {
  date: string;
  category: string;
  onOpen: (clip: string) => void;
}

function useItems({ date, category }: Omit<Wanted, "onOpen">, outcomes: readonly Outcome[]) {
  return useInfiniteQuery({
    queryKey: ["items", date, category, outcomes],
    enabled: category !== "",
    initialPageParam: 0,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/v1/runs/{source}/{date}/items", {
          params: {
            path: { source: SOURCE, date },
            query: { category, outcome: [...outcomes], after: pageParam, limit: PAGE },
          },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function Pairs(wanted: Wanted) {
  const { t } = useTexts();
  const found = useItems(wanted, ["duplicate"]);
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (found.isPending) return <Skeleton kind="cards" lines={6} />;
  if (items.length === 0) {
    return (
      <Empty icon="review" title={t("pairs.empty")}>
        <p className="muted">{t("pairs.empty.why")}</p>
      </Empty>
    );
  }
  return (
    <>
      <ul className="pairs">
        {items.map((item) => (
          <Pair key={item.item.id} pair={item} onOpen={wanted.onOpen} />
        ))}
      </ul>
      <More query={found} />
    </>
  );
}

function Pair({ pair, onOpen }: { pair: DayItem; onOpen: (clip: string) => void }) {
  const { t, day } = useTexts();
  const duplicate = pair.item.duplicate;
  if (!duplicate) return null;
  const method = methodKey(duplicate.method);
  return (
    <li className="pair">
      <p className="pair-how">
        <span className="badge badge-info">{t("pair.score", { score: duplicate.score.toFixed(3) })}</span>
        <span className="small muted">{t(`pair.method.${method}`, { name: duplicate.method })}</span>
        {duplicate.of_date && <span className="small muted">{t("pair.of", { date: day(duplicate.of_date) })}</span>}
      </p>
      <div className="pair-sides">
        <Side label={t("pair.dropped")} seen={pair} tone="bad" onOpen={onOpen} />
        {pair.keeper ? (
          <Side label={t("pair.kept")} seen={pair.keeper} tone="good" onOpen={onOpen} />
        ) : (
          <p className="muted small">{t("pair.gone")}</p>
        )}
      </div>
    </li>
  );
}

function Side({
  label,
  seen,
  tone,
  onOpen,
}: {
  label: string;
  seen: SeenItem;
  tone: "good" | "bad";
  onOpen: (clip: string) => void;
}) {
  const { t, compact } = useTexts();
  return (
    <button className="side" onClick={() => onOpen(seen.item.id)}>
      <Picture src={seen.image_url} alt="" className="side-image" />
      <span className={`badge badge-${tone}`}>{label}</span>
      <span className="side-title">{seen.item.title || t("day.untitled")}</span>
      <span className="small muted">{t("day.views", { count: compact(seen.item.views) })}</span>
    </button>
  );
}

export function LeftOut(wanted: Wanted) {
  const { t } = useTexts();
  const named = useNamed("outcome");
  const [reason, setReason] = useState<Outcome | "all">("all");
  const found = useItems(wanted, reason === "all" ? REASONS : [reason]);
  const counts = found.data?.pages[0]?.counts ?? {};
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  const total = REASONS.reduce((sum, each) => sum + (counts[each] ?? 0), 0);
  return (
    <>
      <Segments<Outcome | "all">
        label={t("clip.why")}
        value={reason}
        options={[
          { value: "all", label: t("runs.start.all"), count: found.data ? total : undefined },
          ...REASONS.filter((each) => (counts[each] ?? 0) > 0 || each === reason).map((value) => ({
            value,
            label: named(value),
            count: counts[value],
          })),
        ]}
        onChange={setReason}
      />
      {found.isPending && <Skeleton lines={8} />}
      {found.data && items.length === 0 && (
        <Empty icon="review" title={t("left.empty")}>
          <p className="muted">{t("left.empty.why")}</p>
        </Empty>
      )}
      <ul className="rows">
        {items.map((item) => (
          <li key={item.item.id}>
            <button className="row row-button" onClick={() => wanted.onOpen(item.item.id)}>
              <Picture src={item.image_url} alt="" className="row-image" />
              <span className="row-main">
                <span className="row-title">{item.item.title || t("day.untitled")}</span>
                <span className="small">{item.item.decision?.why ?? item.item.error?.message ?? ""}</span>
                <Sub item={item} />
              </span>
              <span className="badge badge-plain">{named(item.outcome)}</span>
            </button>
          </li>
        ))}
      </ul>
      <More query={found} />
    </>
  );
}

function Sub({ item }: { item: DayItem }) {
  const { t, compact } = useTexts();
  const language = item.item.language;
  return (
    <span className="small muted">
      {t("day.views", { count: compact(item.item.views) })}
      {language && ` · ${t("clip.language")}: ${language.code}`}
    </span>
  );
}

function More({ query }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useTexts();
  if (!query.hasNextPage) return null;
  return (
    <p className="more">
      <button className="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t("more")}
      </button>
    </p>
  );
}
