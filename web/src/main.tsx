import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { ApiProblem } from "./api/client";
import { LanguageProvider } from "./i18n";
import { makeRouter } from "./router";
import "./styles/base.css";
import "./styles/parts.css";
import { applyTheme, readTheme } from "./ui/theme";
import { ToastProvider } from "./ui/toasts";

applyTheme(readTheme());

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What is refused stays refused; what could not be reached may be back.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem && error.status < 500),
    },
  },
});
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <LanguageProvider>
          <ToastProvider>
            <RouterProvider router={makeRouter()} />
          </ToastProvider>
        </LanguageProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
