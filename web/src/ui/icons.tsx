// Icons, drawn on a grid of 24; they say nothing that the text beside them does not.
import type { ReactNode } from "react";

const PATHS = {
  day: "M4 6h16M4 12h10M4 18h13",
  runs: "M5 4v16l14-8z",
  review: "M4 12l5 5L20 6",
  collections: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  keys: "M3 7h18v10H3zM7 11h.01M11 11h.01M15 11h.01M8 14h8",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5",
  outside: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  person: "M12 4a4 4 0 100 8 4 4 0 000-8zM4 21c0-4 4-6 8-6s8 2 8 6",
  undo: "M8 5L3 10l5 5M3 10h11a6 6 0 010 12h-3",
  publish: "M12 16V4M7 9l5-5 5 5M4 20h16",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4",
  search: "M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.5L21 21",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  again: "M20 11A8 8 0 106 17M20 4v7h-7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
