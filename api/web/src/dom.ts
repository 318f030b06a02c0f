/** Small helpers that write to the page only what has changed. Text is always text, never HTML. */

export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element #${id}`);
  return element as T;
}

/** Sets the text if it differs; an element without text is hidden. */
export function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  show(element, text !== "");
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

export function attribute(element: Element, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const written = new WeakMap<HTMLElement, string>();

/** Replaces the children only when `key` says that they differ. */
export function rewrite(parent: HTMLElement, key: string, children: () => Node[]): void {
  if (written.get(parent) === key) return;
  written.set(parent, key);
  parent.replaceChildren(...children());
}
