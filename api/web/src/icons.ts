/** Line icons, drawn for this page on a 24 px grid. Decorative: the text beside them says it all. */

const PATHS = {
  check: "M5 12.5 10 17.5 19 7",
  speech: "M4 5h16v11h-9l-5 4v-4H4z",
  swap: "M4 9h13l-3-3M20 15H7l3 3",
  cross: "M6 6l12 12M18 6 6 18",
  undo: "M9 7 5 11l4 4M5 11h9a5 5 0 0 1 0 10h-2",
  down: "M12 5v14M6 13l6 6 6-6",
  leaf: "M5 19C5 10 10 5 20 5c0 10-5 14-12 13M5 19c2-4 5-7 9-9",
  wait: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  flag: "M6 21V4h11l-2 4 2 4H6",
  warn: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3",
  info: "M12 11v6M12 7.2v.3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  dot: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  broken: "M4 12h5M15 12h5M10 8l4 8",
  pause: "M9 6v12M15 6v12",
} as const;

export type Icon = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
