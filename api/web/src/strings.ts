/** Everything the pages say, in both languages. Neutral words: what is heard, never a diagnosis. */

import type { Stage } from "./events";

export type Lang = "de" | "en";

const de = {
  language: "Sprache",
  page_overlay: "Gesprächshilfe",
  page_start: "Start",
  skip_to_cue: "Zum Hinweis springen",

  link_connecting: "Verbinde …",
  link_open: "Verbunden",
  link_lost: "Getrennt, verbinde …",
  link_over: "Gespräch beendet",
  link_idle: "Bereit",
  clock: "Gesprächsdauer",

  stage_calm: "Ruhig",
  stage_understanding: "Verständnis",
  stage_mirror: "Nachfragen",
  stage_respect_request: "Bitte um Respekt",
  stage_consequence: "Folge ankündigen",
  stage_end_call: "Gespräch beenden",

  ladder: "Stufen",
  ladder_now: "jetzt",
  ladder_said: "gesagt",
  ladder_covered: "abgedeckt",

  cue_now: "Jetzt sagen",
  cue_why: "Warum",
  cue_next: "Wenn es weitergeht",
  cue_no_phrase: "Der Satz zu diesem Hinweis ist nicht geladen.",
  cue_stale: "Stand vor der Unterbrechung",

  do_said: "Gesagt",
  do_reword: "Anders sagen",
  do_wrong: "Passt nicht",
  do_undo: "Rückgängig",
  do_sending: "Wird gesendet …",
  do_failed: "Nicht angekommen: Der Hinweis ist nicht mehr aktuell.",

  waiting_heading: "Warte auf einen Anruf",
  waiting_text: "Sobald ein Gespräch beginnt, erscheint es hier von selbst.",
  missing_heading: "Diesen Anruf gibt es noch nicht",
  missing_text: "Sobald er beginnt, erscheint er hier von selbst.",
  unreachable_heading: "Server nicht erreichbar",
  unreachable_text: "Die Seite versucht es weiter.",

  calm_heading: "Alles ruhig",
  calm_text: "Kein Hinweis nötig. Bleiben Sie beim Anliegen.",
  said_heading: "Gesagt",
  said_text: "Lassen Sie Ihr Gegenüber jetzt antworten.",
  said_end_text: "Sie dürfen jetzt auflegen.",
  held_heading: "Kein neuer Hinweis",
  held_text: "Bleiben Sie ruhig beim Anliegen.",
  wrong_heading: "Hinweis entfernt",
  wrong_text: "Danke, das ist vermerkt.",
  down_heading: "Das hat gewirkt",
  down_text: "Das Gespräch ist ruhiger: zurück auf „{stage}“.",
  down_calm: "Das Gespräch ist wieder ruhig.",

  side: "Nebenbei",
  note_from_lead: "Teamleitung",
  approval_asked: "Freigabe zum Beenden ist angefragt.",
  approval_granted: "Freigegeben: Sie dürfen das Gespräch beenden.",
  approval_refused: "Die Teamleitung bittet, das Gespräch nicht zu beenden.",
  approval_timeout: "Keine Antwort der Teamleitung: Sie entscheiden.",

  voice: "Stimme, verglichen mit dem Gesprächsbeginn",
  voice_short: "Stimme",
  voice_text_only: "Nur Text: keine Einwilligung zur Stimmanalyse",
  voice_unavailable: "Stimme wird nicht ausgewertet",
  voice_unknown: "unbekannt",
  voice_same: "gleich",
  voice_pitch: "Tonhöhe",
  voice_level: "Lautstärke",
  voice_tempo: "Tempo",
  voice_higher: "höher",
  voice_lower: "tiefer",
  voice_louder: "lauter",
  voice_quieter: "leiser",
  voice_faster: "schneller",
  voice_slower: "langsamer",
  voice_shouting: "sehr laut",

  transcript: "Mitschrift",
  transcript_empty: "Noch nichts gesprochen.",
  transcript_erased: "(gelöscht)",
  who_customer: "Kunde",
  who_agent: "Sie",

  notice_asr: "Erkennung unsicher – Hinweise ausgesetzt",
  notice_voice: "Stimmanalyse nicht verfügbar",
  notice_store: "Speicher gestört – Hinweise laufen weiter",
  notice_audio: "Ton gestört – Hinweise können ausbleiben",
  notice_text: "Textanalyse gestört – Hinweise ausgesetzt",
  notice_other: "Ein Teil ist gestört: {part}",
  notice_interrupted: "Ton unterbrochen – warte auf die Leitung",
  notice_demo: "Demo-Modell: nur künstliche Sprache",

  reason_as_at_start: "{words} als zu Beginn",
  reason_and: "und",
  reason_agitation: "bewegtere Stimme als zu Beginn",
  reason_attack: "{n}.\u00a0Angriff",
  reason_mild_attack: "{n}.\u00a0leichter Angriff",
  reason_times: "{n}×\u00a0{label}",
  reason_calm_turns: "{n} ruhige Antworten in Folge",
  reason_talk_over: "{secs}\u00a0s gleichzeitig gesprochen",
  reason_interruption: "{secs}\u00a0s ins Wort gefallen",
  reason_dead_air: "{secs}\u00a0s Stille",

  label_complaint: "Beschwerde",
  label_frustration: "Unmut",
  label_generalisation: "Verallgemeinerung",
  label_competence_attack: "Zweifel am Können",
  label_insult: "Beleidigung",
  label_profanity: "Kraftausdruck",
  label_threat: "Drohung",
  label_legal_threat: "rechtliche Schritte",
  label_cancellation: "Kündigung",
  label_supervisor_request: "Wunsch nach Vorgesetzten",
  label_impatience: "Ungeduld",
  label_disclaimer: "Vorrede „Sie können nichts dafür“",
  label_apology: "Entschuldigung",
  label_price_claim: "frühere Zusage",
  label_boundary_crossing: "zu persönlich",
  label_thanks: "Dank",
  label_agent_impolite: "eigene Wortwahl",
  label_du_form: "Duzen",
  label_correction: "Berichtigung",

  cue_quote_disclaimer: "Vorrede aufgreifen",
  cue_open_question: "Offen fragen",
  cue_confirm_understanding: "Verständnis prüfen",
  cue_stay_factual: "Sachlich bleiben",
  cue_explain_wait: "Wartezeit erklären",
  cue_keep_formal_sie: "Beim Sie bleiben",
  cue_check_claim: "Zusage prüfen",
  cue_involve_supervisor: "Teamleitung holen",
  cue_listen: "Ausreden lassen",
  cue_win_back: "Zurückgewinnen",
  cue_save_face: "Gesicht wahren",
  cue_expectation_gap: "Erwartung klären",
  cue_callback: "Rückruf anbieten",
  cue_aftercare: "Durchatmen",

  summary_heading: "Gespräch beendet",
  summary_good: "Ruhig beendet",
  summary_duration: "Dauer",
  summary_highest: "Höchste Stufe",
  summary_final: "Am Ende",
  summary_attacks: "Angriffe",
  summary_step_downs: "Beruhigungen",
  summary_said: "Von Ihnen gesagt",
  summary_nothing: "nichts davon",
  summary_lost: "Die Tonquelle ging verloren.",
  summary_error: "Ein Fehler hat die Auswertung beendet.",
  summary_follow: "Das nächste Gespräch erscheint von selbst.",

  start_lead: "Hört mit, wenn ein Gespräch hitzig wird, und zeigt den nächsten ruhigen Schritt. Ohne Cloud.",
  start_open: "Gesprächshilfe öffnen",
  start_open_text: "Folgt dem neuesten laufenden Gespräch. Passt als schmale Leiste neben jedes CRM.",
  start_live: "Laufende Gespräche",
  start_recent: "Beendete Gespräche",
  start_none: "Gerade läuft kein Gespräch.",
  start_health: "Zustand des Servers",
  start_api: "Beschreibung der Schnittstelle (OpenAPI)",
  start_follow: "Mitlesen",
  start_review: "Ansehen",
  start_stage: "Stufe",
  start_source: "Quelle",
} as const;

export type Key = keyof typeof de;

const en: Record<Key, string> = {
  language: "Language",
  page_overlay: "Call guide",
  page_start: "Start",
  skip_to_cue: "Skip to the cue",

  link_connecting: "Connecting …",
  link_open: "Connected",
  link_lost: "Disconnected, reconnecting …",
  link_over: "Call over",
  link_idle: "Ready",
  clock: "Call time",

  stage_calm: "Calm",
  stage_understanding: "Understanding",
  stage_mirror: "Ask back",
  stage_respect_request: "Ask for respect",
  stage_consequence: "Announce the consequence",
  stage_end_call: "End the call",

  ladder: "Steps",
  ladder_now: "now",
  ladder_said: "said",
  ladder_covered: "covered",

  cue_now: "Say now",
  cue_why: "Why",
  cue_next: "If it goes on",
  cue_no_phrase: "The sentence for this cue is not loaded.",
  cue_stale: "As of before the interruption",

  do_said: "Said",
  do_reword: "Other wording",
  do_wrong: "Doesn't fit",
  do_undo: "Undo",
  do_sending: "Sending …",
  do_failed: "Not accepted: this cue is no longer current.",

  waiting_heading: "Waiting for a call",
  waiting_text: "As soon as a call begins it appears here by itself.",
  missing_heading: "This call does not exist yet",
  missing_text: "As soon as it begins it appears here by itself.",
  unreachable_heading: "Server not reachable",
  unreachable_text: "The page keeps trying.",

  calm_heading: "All calm",
  calm_text: "No cue needed. Stay with the matter.",
  said_heading: "Said",
  said_text: "Now let the other person answer.",
  said_end_text: "You may hang up now.",
  held_heading: "No new cue",
  held_text: "Stay calmly with the matter.",
  wrong_heading: "Cue removed",
  wrong_text: "Thank you, noted.",
  down_heading: "That worked",
  down_text: "The call is calmer: back to “{stage}”.",
  down_calm: "The call is calm again.",

  side: "On the side",
  note_from_lead: "Supervisor",
  approval_asked: "Approval to end the call has been requested.",
  approval_granted: "Approved: you may end the call.",
  approval_refused: "Your supervisor asks you not to end the call.",
  approval_timeout: "No answer from your supervisor: you decide.",

  voice: "Voice, compared with the start of the call",
  voice_short: "Voice",
  voice_text_only: "Text only: no consent to voice analysis",
  voice_unavailable: "Voice is not analysed",
  voice_unknown: "unknown",
  voice_same: "same",
  voice_pitch: "Pitch",
  voice_level: "Loudness",
  voice_tempo: "Tempo",
  voice_higher: "higher",
  voice_lower: "lower",
  voice_louder: "louder",
  voice_quieter: "quieter",
  voice_faster: "faster",
  voice_slower: "slower",
  voice_shouting: "very loud",

  transcript: "Transcript",
  transcript_empty: "Nothing said yet.",
  transcript_erased: "(erased)",
  who_customer: "Customer",
  who_agent: "You",

  notice_asr: "Recognition uncertain – cues suspended",
  notice_voice: "Voice analysis not available",
  notice_store: "Storage in trouble – cues go on",
  notice_audio: "Audio in trouble – cues may be missing",
  notice_text: "Text analysis in trouble – cues suspended",
  notice_other: "A part is in trouble: {part}",
  notice_interrupted: "Audio interrupted – waiting for the line",
  notice_demo: "Demo model: synthetic speech only",

  reason_as_at_start: "{words} than at the start",
  reason_and: "and",
  reason_agitation: "livelier voice than at the start",
  reason_attack: "attack no.\u00a0{n}",
  reason_mild_attack: "mild attack no.\u00a0{n}",
  reason_times: "{n}×\u00a0{label}",
  reason_calm_turns: "{n} calm answers in a row",
  reason_talk_over: "{secs}\u00a0s speaking at once",
  reason_interruption: "{secs}\u00a0s interrupting",
  reason_dead_air: "{secs}\u00a0s of silence",

  label_complaint: "complaint",
  label_frustration: "displeasure",
  label_generalisation: "generalisation",
  label_competence_attack: "doubt of ability",
  label_insult: "insult",
  label_profanity: "swear word",
  label_threat: "threat",
  label_legal_threat: "legal steps",
  label_cancellation: "cancellation",
  label_supervisor_request: "asks for a supervisor",
  label_impatience: "impatience",
  label_disclaimer: "opening “not your fault”",
  label_apology: "apology",
  label_price_claim: "earlier promise",
  label_boundary_crossing: "too personal",
  label_thanks: "thanks",
  label_agent_impolite: "own choice of words",
  label_du_form: "informal address",
  label_correction: "correction",

  cue_quote_disclaimer: "Take up the opening",
  cue_open_question: "Ask openly",
  cue_confirm_understanding: "Check understanding",
  cue_stay_factual: "Stay factual",
  cue_explain_wait: "Explain the wait",
  cue_keep_formal_sie: "Keep it formal",
  cue_check_claim: "Check the promise",
  cue_involve_supervisor: "Bring in the supervisor",
  cue_listen: "Let them finish",
  cue_win_back: "Win back",
  cue_save_face: "Save face",
  cue_expectation_gap: "Clarify expectations",
  cue_callback: "Offer a call back",
  cue_aftercare: "Take a breath",

  summary_heading: "Call over",
  summary_good: "Ended calmly",
  summary_duration: "Duration",
  summary_highest: "Highest step",
  summary_final: "At the end",
  summary_attacks: "Attacks",
  summary_step_downs: "Calmed down",
  summary_said: "Said by you",
  summary_nothing: "none of them",
  summary_lost: "The audio source was lost.",
  summary_error: "An error ended the analysis.",
  summary_follow: "The next call appears by itself.",

  start_lead: "Listens in when a call heats up and shows the next calm step. No cloud.",
  start_open: "Open the call guide",
  start_open_text: "Follows the newest live call. Fits as a narrow strip beside any CRM.",
  start_live: "Live calls",
  start_recent: "Finished calls",
  start_none: "No call is running.",
  start_health: "Health of the server",
  start_api: "Description of the interface (OpenAPI)",
  start_follow: "Follow",
  start_review: "View",
  start_stage: "Step",
  start_source: "Source",
};

export const STRINGS: Record<Lang, Record<Key, string>> = { de, en };

/** `text("de", "reason_attack", { n: "2" })` → "2. Angriff". */
export function text(lang: Lang, key: Key, slots: Readonly<Record<string, string>> = {}): string {
  return fill(STRINGS[lang][key], slots);
}

/** Replaces `{slot}`; a slot without a value becomes an ellipsis. */
export function fill(template: string, slots: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => slots[name] ?? "…");
}

/** The text of a key made from data, or null when there is none. */
export function optional(lang: Lang, key: string): string | null {
  return Object.hasOwn(STRINGS[lang], key) ? STRINGS[lang][key as Key] : null;
}

export function stageName(lang: Lang, stage: Stage): string {
  return STRINGS[lang][`stage_${stage}`];
}

export function quoted(lang: Lang, words: string): string {
  return lang === "de" ? `„${words}“` : `“${words}”`;
}

export function number(lang: Lang, value: number, digits = 0): string {
  return new Intl.NumberFormat(lang === "de" ? "de-DE" : "en-GB", {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  }).format(value);
}

/** 134.2 → "2:14"; an hour or more → "1:02:14". */
export function clock(secs: number): string {
  const whole = Math.max(0, Math.floor(secs));
  const two = (part: number): string => String(part).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
