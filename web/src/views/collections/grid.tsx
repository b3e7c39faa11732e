// Images in rows; only those on the screen, and some around them, are in the page.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";

import type { Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Picture } from "../../ui/parts";
import { isChosen, type Selection } from "./selection";

export type Item = Schemas["ServedImage"];

const TILE = 176;
const GAP = 8;

export function Grid({
  items,
  total,
  selection,
  onNeedMore,
  onOpen,
  onToggle,
  onExtend,
}: {
  items: readonly Item[];
  total: number;
  selection: Selection;
  onNeedMore: () => void;
  onOpen: (index: number) => void;
  onToggle: (index: number) => void;
  onExtend: (index: number, from?: number) => void;
}) {
  const { t } = useTexts();
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [offset, setOffset] = useState(0);
  const dragFrom = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => {
      setWidth(element.clientWidth);
      setOffset(element.getBoundingClientRect().top + window.scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const end = () => {
      dragFrom.current = undefined;
    };
    window.addEventListener("pointerup", end);
    return () => window.removeEventListener("pointerup", end);
  }, []);
  const columns = Math.max(2, Math.floor((width + GAP) / (TILE + GAP)));
  const side = width > 0 ? (width - GAP * (columns - 1)) / columns : TILE;
  const rows = Math.ceil(items.length / columns);
  const virtual = useWindowVirtualizer({
    count: rows,
    estimateSize: () => side + GAP,
    overscan: 4,
    scrollMargin: offset,
  });
  useEffect(() => virtual.measure(), [virtual, side]);
  const shown = virtual.getVirtualItems();
  const lastShown = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (items.length < total && lastShown >= rows - 8) onNeedMore();
  }, [items.length, total, lastShown, rows, onNeedMore]);
  return (
    <div
      ref={frame}
      className="grid"
      role="grid"
      aria-label={t("grid.label")}
      aria-rowcount={Math.ceil(total / columns)}
      style={{ height: virtual.getTotalSize() }}
    >
      {shown.map((row) => (
        <div
          key={row.key}
          role="row"
          aria-rowindex={row.index + 1}
          className="grid-row"
          style={{ transform: `translateY(${row.start - offset}px)`, height: side, gap: GAP }}
        >
          {items.slice(row.index * columns, (row.index + 1) * columns).map((item, column) => {
            const index = row.index * columns + column;
            const chosen = isChosen(selection, item.id);
            const name = item.names[0] ?? item.id;
            return (
              <div
                key={item.id}
                role="gridcell"
                aria-selected={chosen}
                className={chosen ? "tile tile-on" : "tile"}
                style={{ width: side }}
                onPointerEnter={() => {
                  if (dragFrom.current !== undefined) onExtend(index, dragFrom.current);
                }}
              >
                <button
                  className="tile-open"
                  data-index={index}
                  onClick={(event) => {
                    if (event.shiftKey) onExtend(index);
                    else if (event.ctrlKey || event.metaKey) onToggle(index);
                    else onOpen(index);
                  }}
                  onKeyDown={(event) => {
                    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
                    if (by !== undefined) {
                      event.preventDefault();
                      if (event.shiftKey) onExtend(index + by);
                      const next = frame.current?.querySelector<HTMLElement>(`[data-index="${index + by}"]`);
                      next?.focus();
                      next?.scrollIntoView({ block: "nearest" });
                    } else if (event.key === " ") {
                      event.preventDefault();
                      onToggle(index);
                    }
                  }}
                >
                  <Picture src={item.thumbnail_url} alt={name} className="tile-image" />
                </button>
                <input
                  type="checkbox"
                  className="tile-check"
                  checked={chosen}
                  aria-label={t("grid.choose", { name })}
                  onPointerDown={(event) => {
                    if (event.pointerType === "touch") return;
                    dragFrom.current = index;
                    (event.target as HTMLElement).releasePointerCapture(event.pointerId);
                  }}
                  onChange={(event) => {
                    if ((event.nativeEvent as MouseEvent).shiftKey) onExtend(index);
                    else onToggle(index);
                  }}
                />
                {item.tags.length > 0 && <span className="tile-tags">{item.tags.slice(0, 3).join(" · ")}</span>}
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}
