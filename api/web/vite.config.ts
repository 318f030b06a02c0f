import { defineConfig } from "vite";

// One HTML page per screen, everything hashed under assets/. Nothing is inlined, so the strict
// content security policy (default-src 'self') needs no exception.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "overlay.html"] },
  },
});
