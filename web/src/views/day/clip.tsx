// One clip: what became of it on each day and why, and taking it down.
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useSession } from "../../auth/hooks";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, ErrorNote, Picture, Skeleton, useNamed, useNamedCategory } from "../../ui/parts";
import { Private } from "../problems";
import { SOURCE, useTakedown } from "./takedowns";

export function ClipDialog({
  id,
  listed,
  onClose,
}: {
  id: string;
  listed: Schemas["ServedItem"] | undefined;
  onClose: () => void;
}) {
  const { t, number } = useTexts();
  const isIn = useSession().status === "in";
  const history = useQuery({
    queryKey: ["clip", id],
    enabled: isIn,
    queryFn: () => unwrap(api.GET("/v1/clips/{source}/{clip_id}", { params: { path: { source: SOURCE, clip_id: id } } })),
  });
  const title = listed?.title ?? (history.data?.days.find((day) => day.title)?.title || t("clip.title"));
  return (
    <Dialog side title={title || t("day.untitled")} onClose={onClose}>
      {listed && (
        <div className="clip">
          <Picture className="clip-image" src={listed.thumbnail_url} alt="" />
          <dl className="facts">
            <div>
              <dt>{t("clip.rank", { rank: listed.rank })}</dt>
              <dd>{t("day.views", { count: number(listed.views) })}</dd>
            </div>
            <div>
              <dt>{t("clip.author")}</dt>
              <dd>
                {listed.author_name} <span className="muted">@{listed.author}</span>
              </dd>
            </div>
            <div>
              <dt>{t("clip.id")}</dt>
              <dd className="mono">{id}</dd>
            </div>
            <SafeLink address={listed.url} />
          </dl>
        </div>
      )}
      <h3>{t("clip.history")}</h3>
      <Private>
        {history.error != null && <ErrorNote error={history.error} onRetry={() => void history.refetch()} />}
        {history.isPending && <Skeleton lines={3} />}
        {history.data && <History history={history.data} />}
        {history.data && <Decide id={id} title={title} takenDown={history.data.taken_down ?? null} />}
      </Private>
    </Dialog>
  );
}

/** A link that others gave, if it leads to a web site: `javascript:` and such do not. */
export function webAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

function SafeLink({ address }: { address: string }) {
  const { t } = useTexts();
  const href = webAddress(address);
  if (href === null) return null;
  return (
    <div>
      <dd>
        <a href={href} target="_blank" rel="noopener noreferrer">
          {t("clip.watch")} <Icon name="outside" />
        </a>
      </dd>
    </div>
  );
}

function History({ history }: { history: Schemas["ClipHistory"] }) {
  const { t, day, compact } = useTexts();
  const outcome = useNamed("outcome");
  const category = useNamedCategory();
  if (history.days.length === 0) return <p className="muted">{t("clip.history.none")}</p>;
  return (
    <ol className="timeline">
      {history.days.map((each) => (
        <li key={`${each.date} ${each.category}`}>
          <p>
            <strong>{day(each.date)}</strong> · {category(each.category)} ·{" "}
            <span className={each.list_id ? "badge badge-good" : "badge badge-plain"}>
              {each.list_id
                ? t("clip.rank", { rank: Number(each.list_id.slice(-2)) })
                : outcome(each.dropped ?? "undecided")}
            </span>
          </p>
          <p className="small">{each.why}</p>
          <p className="small muted">{t("day.views", { count: compact(each.views) })}</p>
        </li>
      ))}
    </ol>
  );
}

function Decide({ id, title, takenDown }: { id: string; title: string; takenDown: string | null }) {
  const { t } = useTexts();
  const { takeDown, restore } = useTakedown();
  const [why, setWhy] = useState("");
  const field = useId();
  if (takenDown !== null) {
    return (
      <div className="note">
        <div>
          <p className="note-title">{t("outcome.taken_down")}</p>
          <p>{takenDown}</p>
        </div>
        <button className="button" disabled={restore.isPending} onClick={() => restore.mutate({ id, title })}>
          <Icon name="undo" />
          {t("clip.restore")}
        </button>
      </div>
    );
  }
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        takeDown.mutate({ id, title, why: why.trim() });
      }}
    >
      <label htmlFor={field}>{t("clip.takedown.reason")}</label>
      <div className="form-line">
        <input
          id={field}
          value={why}
          required
          maxLength={500}
          placeholder={t("clip.takedown.placeholder")}
          onChange={(event) => setWhy(event.target.value)}
        />
        <button className="button button-bad" disabled={takeDown.isPending || why.trim() === ""}>
          {t("clip.takedown")}
        </button>
      </div>
      <p className="muted small">{t("clip.until")}</p>
    </form>
  );
}
