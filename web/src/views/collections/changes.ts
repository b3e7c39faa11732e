// Changes of many images at once, and what has to be read anew after one.
import { useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { useToasts } from "../../ui/toasts";

export type Target = { ids: string[] } | { query: string };

const SHOWN = ["items", "item", "facets", "count", "history", "found"];

export function refreshItems(queries: QueryClient, collection: string): Promise<unknown> {
  return Promise.all(SHOWN.map((key) => queries.invalidateQueries({ queryKey: [key, collection] })));
}

/** Tag many images at once; the change says how to undo it. */
export function useBulkTags(collection: string) {
  const { t, number } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: ({ target, add, remove }: { target: Target; add: string[]; remove: string[] }) =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/tags", {
          params: { path: { collection_id: collection } },
          body: { ...target, add, remove },
        }),
      ),
    onError: toasts.fail,
    onSettled: () => refreshItems(queries, collection),
  });
  return (target: Target, add: string[], remove: string[]) =>
    change.mutate(
      { target, add, remove },
      {
        onSuccess: (made) => {
          // What a query finds may be other images by now: only a change of named images can be taken back.
          const undo = "ids" in target ? () => change.mutate({ target, add: remove, remove: add }) : undefined;
          toasts.say(t("tags.changed", { count: number(made.items), tags: [...add, ...remove].join(", ") }), undo);
        },
      },
    );
}

/** Delete images for good. */
export function useDeletion(collection: string, onDone: () => void) {
  const { t, number } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (target: Target) =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/deletions", {
          params: { path: { collection_id: collection } },
          body: target,
        }),
      ),
    onSuccess: (made) => {
      toasts.say(t("deletion.done", { count: number(made.items) }));
      onDone();
    },
    onError: toasts.fail,
    onSettled: () => refreshItems(queries, collection),
  });
}
