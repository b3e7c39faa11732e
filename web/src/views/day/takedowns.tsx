import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Empty, ErrorNote, Skeleton } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";

export const SOURCE = "tiktok";

/** Take clips down, and let them be listed again; each says how to undo it. */
export function useTakedown() {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const refresh = () =>
    Promise.all(["list", "takedowns", "clip", "items"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  const restore = useMutation({
    mutationFn: ({ id }: { id: string; title: string }) =>
      unwrap(api.DELETE("/v1/takedowns/{source}/{clip_id}", { params: { path: { source: SOURCE, clip_id: id } } })),
    onSuccess: (_, { title }) => toasts.say(t("clip.restored", { title })),
    onError: toasts.fail,
    onSettled: refresh,
  });
  const takeDown = useMutation({
    mutationFn: ({ id, why }: { id: string; title: string; why: string }) =>
      unwrap(api.POST("/v1/takedowns", { body: { source: SOURCE, id, why } })),
    onSuccess: (_, { id, title }) => toasts.say(t("clip.takendown", { title }), () => restore.mutate({ id, title })),
    onError: toasts.fail,
    onSettled: refresh,
  });
  return { takeDown, restore };
}

export function Takedowns() {
  const { t, moment } = useTexts();
  const { restore } = useTakedown();
  const found = useQuery({
    queryKey: ["takedowns"],
    queryFn: () => unwrap(api.GET("/v1/takedowns", { params: { query: { source: SOURCE } } })),
  });
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton lines={4} />;
  if (found.data.takedowns.length === 0) {
    return (
      <Empty icon="review" title={t("takedowns.empty")}>
        <p className="muted">{t("takedowns.empty.why")}</p>
      </Empty>
    );
  }
  return (
    <ul className="rows">
      {found.data.takedowns.map((each) => (
        <li key={each.id} className="row">
          <div className="row-main">
            <p className="mono">{each.id}</p>
            <p>{each.why}</p>
            <p className="muted small">{moment(each.at)}</p>
          </div>
          <button
            className="button"
            disabled={restore.isPending}
            onClick={() => restore.mutate({ id: each.id, title: each.id })}
          >
            <Icon name="undo" />
            {t("clip.restore")}
          </button>
        </li>
      ))}
    </ul>
  );
}
