import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, unwrap } from "../../api/client";
import { useSession } from "../../auth/hooks";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { useToasts } from "../../ui/toasts";

export function PublishAgain({ date, hasGap }: { date: string; hasGap: boolean }) {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const isIn = useSession().status === "in";
  const publish = useMutation({
    mutationFn: () => unwrap(api.POST("/v1/publications", { body: { date } })),
    onSuccess: (made) => toasts.say(t("day.published", { edition: made.edition })),
    onError: toasts.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: ["list"] }),
  });
  if (!isIn) return null;
  return (
    <div className="toolbar-end">
      <span className="muted small">{t(hasGap ? "day.gaps" : "day.publish.hint")}</span>
      <button
        className={hasGap ? "button button-main" : "button"}
        disabled={publish.isPending}
        onClick={() => publish.mutate()}
      >
        <Icon name="publish" />
        {t("day.publish")}
      </button>
    </div>
  );
}
