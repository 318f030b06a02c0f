/** Language of the page: from the address (?lang=en), else remembered, else as the server has it. */

import { attribute } from "./dom";
import { type Key, type Lang, optional, text } from "./strings";

const STORED = "contenance.lang";

export function isLang(value: unknown): value is Lang {
  return value === "de" || value === "en";
}

/** The language somebody has chosen, or null. */
export function chosenLang(): Lang | null {
  const asked = new URLSearchParams(location.search).get("lang");
  if (isLang(asked)) return asked;
  try {
    const stored = localStorage.getItem(STORED);
    return isLang(stored) ? stored : null;
  } catch {
    return null; // storage is switched off in this browser
  }
}

export function rememberLang(lang: Lang): void {
  try {
    localStorage.setItem(STORED, lang);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}

/** Writes every fixed text of the page in `lang`. */
export function translatePage(lang: Lang, page: Key): void {
  attribute(document.documentElement, "lang", lang);
  document.title = page === "page_start" ? "Contenance" : `${text(lang, page)} · Contenance`;
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
    const said = optional(lang, element.dataset["text"] ?? "");
    if (said !== null && element.textContent !== said) element.textContent = said;
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-label]")) {
    attribute(element, "aria-label", optional(lang, element.dataset["label"] ?? ""));
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-lang]")) {
    attribute(button, "aria-pressed", String(button.dataset["lang"] === lang));
  }
}

/** Calls back when one of the language buttons is pressed. */
export function onLangChosen(chosen: (lang: Lang) => void): void {
  for (const button of document.querySelectorAll<HTMLElement>("[data-lang]")) {
    button.addEventListener("click", () => {
      const lang = button.dataset["lang"];
      if (!isLang(lang)) return;
      rememberLang(lang);
      chosen(lang);
    });
  }
}

