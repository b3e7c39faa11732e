import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // Small files stay files: the content security policy allows no inline ones.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  // `npm run dev` shows the page of this folder with the API of `make up`.
  server: { proxy: { "/v1": "http://127.0.0.1:8787", "/oauth2": "http://127.0.0.1:8787" } },
});
