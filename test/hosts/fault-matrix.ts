/** What a scenario left behind, as the matrix shows it. */
export type FaultRow = {
  readonly scenario: string;
  /** As plan.json says it; a dash where the gate did not live to say it. */
  readonly outcome: string;
  readonly exit: number;
  /** `old`, `new` or another store path: what is active, and what boots. */
  readonly runs: string;
  readonly boots: string;
  readonly reachable: boolean;
  /** What the run after it ended as. */
  readonly next: string;
  /** Of the gate's own with the host; undefined where it was killed. */
  readonly roundTrips: number | undefined;
  readonly seconds: number;
};

const columns: readonly (readonly [string, (row: FaultRow) => string])[] = [
  ["scenario", (row) => row.scenario],
  ["outcome", (row) => row.outcome],
  ["exit", (row) => String(row.exit)],
  ["runs", (row) => row.runs],
  ["boots", (row) => row.boots],
  ["reachable", (row) => (row.reachable ? "yes" : "NO")],
  ["next run", (row) => row.next],
  ["trips", (row) => (row.roundTrips === undefined ? "-" : String(row.roundTrips))],
  ["s", (row) => row.seconds.toFixed(0)],
];

/** The table as text, in the order of the rows. */
export function faultMatrix(rows: readonly FaultRow[]): string {
  const widths = columns.map(([title, cell]) => Math.max(title.length, ...rows.map((row) => cell(row).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(columns.map(([title]) => title)), ...rows.map((row) => line(columns.map(([, cell]) => cell(row))))].join("\n");
}
