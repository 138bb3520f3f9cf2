const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML shows it, between tags and in quoted attributes alike. */
export const htmlEscaped = (text: string): string => text.replace(/[&<>"']/g, (c) => entities[c] ?? "");
