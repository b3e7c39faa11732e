// What a link opens, for whoever has it: images to look at, and nothing else.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";

import { publicApi, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { sharedRoute } from "../../router";
import { Dialog, ErrorNote, PageHead, Picture, Skeleton } from "../../ui/parts";
import { Grid, type Item } from "./grid";
import { NOTHING } from "./selection";

const PAGE = 200;

export function SharedCollection() {
  const { t } = useTexts();
  const { token } = sharedRoute.useParams();
  const path = { token };
  const [open, setOpen] = useState<Item | null>(null);
  const about = useQuery({
    queryKey: ["shared", token],
    queryFn: () => unwrap(publicApi.GET("/v1/shared/{token}", { params: { path } })),
  });
  const found = useInfiniteQuery({
    queryKey: ["shared-items", token],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      unwrap(publicApi.GET("/v1/shared/{token}/items", { params: { path, query: { limit: PAGE, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next_cursor,
    enabled: about.data !== undefined,
  });
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
  const needMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage]);
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const nothing = () => undefined;
  if (about.error) return <ErrorNote error={about.error} />;
  if (!about.data) return <Skeleton lines={4} />;
  return (
    <>
      <PageHead title={about.data.name} hint={about.data.description || t("shared.only")} />
      {found.error && <ErrorNote error={found.error} onRetry={() => void found.refetch()} />}
      {items.length > 0 && (
        <Grid
          items={items}
          total={items.length + (hasNextPage ? PAGE : 0)}
          selection={NOTHING}
          onNeedMore={needMore}
          onOpen={(index) => setOpen(items[index] ?? null)}
          onToggle={nothing}
          onExtend={nothing}
        />
      )}
      {open && (
        <Dialog wide title={open.names[0] ?? open.id} onClose={() => setOpen(null)}>
          <SharedImage token={token} item={open} />
        </Dialog>
      )}
    </>
  );
}

function SharedImage({ token, item }: { token: string; item: Item }) {
  const found = useQuery({
    queryKey: ["shared-item", token, item.id],
    queryFn: () =>
      unwrap(
        publicApi.GET("/v1/shared/{token}/items/{item_id}", { params: { path: { token, item_id: item.id } } }),
      ),
  });
  if (found.error) return <ErrorNote error={found.error} />;
  return <Picture className="screenshot-full" src={found.data?.image_url ?? item.thumbnail_url} alt={item.names[0] ?? ""} />;
}
