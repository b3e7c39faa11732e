// How many of what is found have which value; a click puts the value into the query, or takes it out.
import { useQuery } from "@tanstack/react-query";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { hasTerm, termOf, toggleTerm } from "./terms";

const KINDS = ["tags", "labels", "flags", "content_type"] as const;
const FIELDS = { tags: "tag", labels: "label", flags: "is", content_type: "type" } as const;

export function FacetList({
  collection,
  query,
  enabled,
  onQuery,
}: {
  collection: string;
  query: string;
  enabled: boolean;
  onQuery: (query: string) => void;
}) {
  const { t, number } = useTexts();
  const found = useQuery({
    queryKey: ["facets", collection, query],
    enabled,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/facets", {
          params: { path: { collection_id: collection }, query: { query, kinds: [...KINDS], limit: 12 } },
          signal,
        }),
      ),
    placeholderData: (before) => before,
  });
  return (
    <aside className="facets" aria-label={t("facets.label")}>
      {KINDS.map((kind) => {
        const values = found.data?.facets[kind] ?? [];
        if (values.length === 0) return null;
        return (
          <section key={kind}>
            <h2>{t(`facets.${kind}`)}</h2>
            <ul>
              {values.map((each) => {
                const term = termOf(FIELDS[kind], each.value);
                const on = hasTerm(query, term);
                return (
                  <li key={each.value}>
                    <button
                      className={on ? "facet facet-on" : "facet"}
                      aria-pressed={on}
                      onClick={() => onQuery(toggleTerm(query, term))}
                    >
                      <span>{each.value}</span>
                      <span className="count">{number(each.count)}</span>
                    </button>
                  </li>
                );
              })}
            </ul>
          </section>
        );
      })}
    </aside>
  );
}
