/** The phrase books of the server: headings, what a cue is for, and the sentences to say. */

import { type Lang, fill, stageName } from "./strings";
import { STAGES, type Stage } from "./events";

/** heading: what to do; what: what has happened; next: how to go about it. */
export interface CueTexts {
  readonly heading: string;
  readonly what: string;
  readonly next: string;
  readonly phrases: Readonly<Record<string, string>>;
}

export interface PhraseBook {
  readonly lang: string;
  readonly version: string;
  readonly cues: Readonly<Record<string, CueTexts>>;
  readonly stages: Readonly<Record<string, string>>;
}

/**
 * `call`: the book in the language the agent speaks on the phone, which the sentences come from;
 * `ui`: the one in the page's language, for headings and hints.
 */
export interface Books {
  readonly call: PhraseBook | null;
  readonly ui: PhraseBook | null;
}

export interface Sentence {
  readonly text: string;
  readonly lang: string;
}

/** The sentence of a cue with its slots filled in, or null when it is not (yet) known here. */
export function sentence(
  books: Books,
  name: string,
  phraseId: string,
  slots: Readonly<Record<string, string>>,
): Sentence | null {
  for (const book of [books.call, books.ui]) {
    const template = book?.cues[name]?.phrases[phraseId];
    if (book && template !== undefined) return { text: fill(template, slots), lang: book.lang };
  }
  return null;
}

/** Names of the stages as the team's phrase book has them, else the page's own. */
export function stageNames(books: Books, lang: Lang): Record<Stage, string> {
  const names = STAGES.map((stage) => [stage, books.ui?.stages[stage] ?? stageName(lang, stage)]);
  return Object.fromEntries(names) as Record<Stage, string>;
}
