import type { ChangedFile } from "./changed-file.ts";

/** A line of a file of the copy. */
export type FoundLine = { readonly path: string; readonly line: number; readonly text: string };

/** What came of a question to the copy: an answer, or why not, as a clause. */
export type Copied<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/**
 * A copy of the repository at one revision, of one run, that nobody else sees. Paths are plain and from the root of the repository; a symbolic link is told of and never
 * followed, so that nothing outside of the copy can be read or written through it.
 */
export interface WorkingCopy {
  /** Where it is on this machine, a git repository whose branch is unborn. */
  readonly directory: string;
  /** What it is a copy of, in full. */
  readonly revision: string;
  /** Names in a directory; those of directories end with a slash, links with an at sign. "" is the root. */
  list(directory: string): Copied<readonly string[]>;
  /** A text of at most 256 KiB. */
  read(path: string): Copied<string>;
  /** Lines that contain the words, in the order of the paths. */
  search(words: string, below: string, most: number): Copied<readonly FoundLine[]>;
  /** Directories in between are made. */
  write(path: string, text: string): Copied<undefined>;
  remove(path: string): Copied<undefined>;
  /** Against the revision, by path. */
  changes(): readonly ChangedFile[];
}
