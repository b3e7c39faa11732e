// Predictions that wait for a person: one key each.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { reviewRoute, VERDICTS, type Verdict } from "../../router";
import { Icon } from "../../ui/icons";
import { Empty, ErrorNote, Keys, PageHead, Segments, Skeleton } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { useToasts } from "../../ui/toasts";
import { Private } from "../problems";
import { moveBox, sameBox, sizeBox, STEP, type Box } from "./box";
import { Canvas } from "./canvas";

type Review = Schemas["ServedReview"];
type Correction = Schemas["Correction"];

const PAGE = 50;

export function ReviewQueue() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const verdict = reviewRoute.useSearch().verdict ?? "pending";
  return (
    <>
      <PageHead title={t("review.title")} hint={t("review.hint")} />
      <Segments<Verdict>
        label={t("review.verdict")}
        value={verdict}
        options={VERDICTS.map((value) => ({ value, label: t(`review.${value}`) }))}
        onChange={(value) => void navigate({ to: "/review", search: { verdict: value } })}
      />
      <Private>
        <Queue key={verdict} verdict={verdict} />
      </Private>
    </>
  );
}

function useReviews(verdict: Verdict) {
  return useInfiniteQuery({
    queryKey: ["reviews", verdict],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/v1/reviews", { params: { query: { verdict, limit: PAGE, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next_cursor,
    refetchOnWindowFocus: false,
  });
}

function Queue({ verdict }: { verdict: Verdict }) {
  const { t } = useTexts();
  const found = useReviews(verdict);
  const [decided, setDecided] = useState<ReadonlySet<string>>(new Set());
  const [index, setIndex] = useState(0);
  const all = found.data?.pages.flatMap((page) => page.reviews) ?? [];
  const waiting = all.filter((review) => !decided.has(review.id));
  const at = Math.min(index, waiting.length - 1);
  const review = waiting[at];
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && waiting.length - at < 10) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, waiting.length, at]);
  const decide = useDecide((id, isDone) =>
    setDecided((before) => {
      const next = new Set(before);
      if (isDone) next.add(id);
      else next.delete(id);
      return next;
    }),
  );
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data || (review === undefined && found.isFetching)) return <Skeleton kind="cards" lines={1} />;
  if (review === undefined) {
    const of = verdict === "pending" ? "" : ".decided";
    return (
      <>
        <Empty icon="review" title={t(`review.empty${of}`)}>
          <p className="muted">{t(`review.empty${of}.why`)}</p>
        </Empty>
        <UndoKey onUndo={decide.undo} />
      </>
    );
  }
  return (
    <One
      key={review.id}
      review={review}
      tags={found.data.pages[0]?.tags ?? []}
      position={t("review.position", { index: at + 1, count: `${waiting.length}${hasNextPage ? "+" : ""}` })}
      verdict={verdict}
      onDecide={(given, correction) => decide.give(review, given, correction)}
      onUndo={decide.undo}
      onStep={(by) => setIndex(Math.max(0, Math.min(waiting.length - 1, at + by)))}
    />
  );
}

function UndoKey({ onUndo }: { onUndo: () => void }) {
  const { t } = useTexts();
  useShortcuts(t("nav.review"), [{ keys: ["u", "z"], shown: "u", label: t("review.key.undo"), run: onUndo }]);
  return null;
}

interface Given {
  review: Review;
  verdict: Verdict;
  correction: Correction | null;
}

/** Send verdicts; the view goes on at once, and takes one back that could not be sent. */
function useDecide(mark: (id: string, isDone: boolean) => void) {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const given = useRef<Given[]>([]);
  const send = useMutation({
    mutationFn: ({ review, verdict, correction }: Given) =>
      unwrap(
        api.POST("/v1/reviews/{review_id}", {
          params: { path: { review_id: review.id } },
          body: { verdict, correction },
        }),
      ),
    onError: (error, { review }) => {
      mark(review.id, false);
      given.current = given.current.filter((each) => each.review.id !== review.id);
      toasts.fail(error);
    },
    onSettled: (_data, _error, { verdict, review }) => {
      // The list that is being worked through stays as it is; the others are read anew.
      for (const each of VERDICTS) {
        if (each === verdict || each !== review.verdict) void queries.invalidateQueries({ queryKey: ["reviews", each] });
      }
    },
  });
  const undo = () => {
    const last = given.current.pop();
    if (!last) {
      toasts.say(t("review.nothing"));
      return;
    }
    const before = last.review;
    send.mutate(
      { review: before, verdict: before.verdict, correction: correctionOf(before) },
      { onSuccess: () => toasts.say(t("review.undone", { tag: before.detection.tag })) },
    );
    mark(before.id, false);
  };
  const give = (review: Review, verdict: Verdict, correction: Correction | null) => {
    given.current.push({ review, verdict, correction });
    mark(review.id, true);
    send.mutate({ review, verdict, correction });
    const tag = correction?.tag ?? review.detection.tag;
    toasts.say(t("review.done", { tag, verdict: t(`review.${verdict}`) }), undo);
  };
  return { give, undo };
}

function correctionOf(review: Review): Correction | null {
  if (!review.correction || review.verdict !== "accepted") return null;
  const { tag, left, top, width, height } = review.correction;
  return { tag, left, top, width, height };
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

function One({
  review,
  tags,
  position,
  verdict,
  onDecide,
  onUndo,
  onStep,
}: {
  review: Review;
  tags: readonly string[];
  position: string;
  verdict: Verdict;
  onDecide: (verdict: Verdict, correction: Correction | null) => void;
  onUndo: () => void;
  onStep: (by: number) => void;
}) {
  const { t, percent, day } = useTexts();
  const predicted: Box = review.detection;
  const first = review.correction ?? review.detection;
  const [box, setBox] = useState<Box>({ left: first.left, top: first.top, width: first.width, height: first.height });
  const [tag, setTag] = useState(first.tag);
  const [drawing, setDrawing] = useState(false);
  const choices = tags.includes(tag) ? tags : [tag, ...tags];
  const isCorrected = tag !== review.detection.tag || !sameBox(box, predicted);
  const accept = () => onDecide("accepted", isCorrected ? { tag, ...box } : null);
  const reject = () => onDecide("rejected", null);
  const reset = () => {
    const { left, top, width, height } = predicted;
    setBox({ left, top, width, height });
    setTag(review.detection.tag);
    setDrawing(false);
  };
  useShortcuts(t("nav.review"), [
    { keys: ["a", "Enter"], shown: "a", label: t("review.key.accept"), run: accept },
    { keys: ["r", "x"], shown: "r", label: t("review.key.reject"), run: reject },
    { keys: ["u", "z"], shown: "u", label: t("review.key.undo"), run: onUndo },
    {
      keys: Object.keys(ARROWS),
      shown: "← ↑ → ↓",
      label: t("review.key.move"),
      run: (key) => setBox((old) => moveBox(old, ...(ARROWS[key] ?? [0, 0]))),
    },
    {
      keys: Object.keys(ARROWS).map((key) => `Shift+${key}`),
      shown: "Shift ← ↑ → ↓",
      label: t("review.key.size"),
      run: (key) => setBox((old) => sizeBox(old, ...(ARROWS[key.replace("Shift+", "")] ?? [0, 0]))),
    },
    { keys: ["d"], shown: "d", label: t("review.key.draw"), run: () => setDrawing((old) => !old) },
    {
      keys: choices.slice(0, 9).map((_, index) => String(index + 1)),
      shown: `1 … ${Math.min(9, choices.length)}`,
      label: t("review.key.tag"),
      run: (key) => setTag(choices[Number(key) - 1] ?? tag),
    },
    { keys: ["n"], shown: "n", label: t("review.next"), run: () => onStep(1) },
    { keys: ["p"], shown: "p", label: t("review.previous"), run: () => onStep(-1) },
    { keys: ["0"], shown: "0", label: t("review.key.reset"), run: reset },
  ]);
  return (
    <div className="review">
      <Canvas
        image={review.image_url}
        alt={t("review.image", { title: review.title || review.item_id, tag })}
        tag={tag}
        box={box}
        drawing={drawing}
        onChange={setBox}
        onDrawn={() => setDrawing(false)}
      />
      <div className="review-side">
        <p className="muted small review-place">
          {position}
          <span className="review-steps">
            <button className="button button-icon" aria-label={t("review.previous")} onClick={() => onStep(-1)}>
              <Icon name="left" />
            </button>
            <button className="button button-icon" aria-label={t("review.next")} onClick={() => onStep(1)}>
              <Icon name="right" />
            </button>
          </span>
        </p>
        <h2 className="review-title">{review.title || review.item_id}</h2>
        <dl className="facts">
          <div>
            <dt>{t("review.probability")}</dt>
            <dd>{percent(review.detection.probability)}</dd>
          </div>
          <div>
            <dt>{t("review.date")}</dt>
            <dd>{day(review.date)}</dd>
          </div>
          <div>
            <dt>{t("review.category")}</dt>
            <dd>{review.category}</dd>
          </div>
        </dl>
        <fieldset className="tags">
          <legend>{t("review.tag")}</legend>
          {choices.map((each, index) => (
            <label key={each} className={each === tag ? "tag tag-on" : "tag"}>
              <input
                type="radio"
                className="hidden"
                name="tag"
                checked={each === tag}
                onChange={() => setTag(each)}
              />
              {each}
              {index < 9 && <Keys of={String(index + 1)} />}
            </label>
          ))}
        </fieldset>
        <div className="review-tools">
          <button className="button" aria-pressed={drawing} onClick={() => setDrawing(!drawing)}>
            <Icon name="box" />
            {t("review.draw")}
            <Keys of="d" />
          </button>
          {isCorrected && (
            <button className="button button-quiet" onClick={reset}>
              {t("review.reset")}
              <Keys of="0" />
            </button>
          )}
        </div>
        {drawing && <p className="small">{t("review.draw.on")}</p>}
        <div className="verdicts">
          <button className="button button-good" onClick={accept}>
            {t("review.accept")}
            <Keys of="a" />
          </button>
          <button className="button button-bad" onClick={reject}>
            {t("review.reject")}
            <Keys of="r" />
          </button>
        </div>
        <div className="review-tools">
          <button className="button" onClick={onUndo}>
            <Icon name="undo" />
            {t("undo")}
            <Keys of="u" />
          </button>
          {verdict !== "pending" && (
            <button className="button" onClick={() => onDecide("pending", null)}>
              {t("review.back")}
            </button>
          )}
          {isCorrected && <span className="badge badge-info">{t("review.corrected")}</span>}
        </div>
        <details className="small">
          <summary>{t("review.teach")}</summary>
          <p>{t("review.teach.accept", { tag })}</p>
          <p>{t("review.teach.reject")}</p>
        </details>
      </div>
    </div>
  );
}
