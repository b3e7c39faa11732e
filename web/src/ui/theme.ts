// Light or dark: as the system has it, unless a person chooses.
import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";
const STORED = "framesift-theme";

export function readTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => applyTheme(theme), [theme]);
  return [
    theme,
    (chosen) => {
      localStorage.setItem(STORED, chosen);
      setTheme(chosen);
    },
  ];
}
