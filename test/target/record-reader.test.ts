import { expect, test } from "vitest";
import { RecordReader } from "../../src/target/record-reader.ts";

const nonce = "0123456789abcdef0123456789abcdef";
const whole = [
  "Welcome to \n",
  `${nonce} begin\n`,
  `${nonce} put name 5\nvalue\n`,
  `${nonce} put empty 0\n\n`,
  `${nonce} put lines 32\n${nonce}\n`,
  `${nonce} pipe file\n${Buffer.from("a\0b\xff", "latin1").toString("base64")} 0\n`,
  `${nonce} pipe broken\nYWJj 1\n`,
  `${nonce} end 7\n`,
].join("");
const records = [
  { name: "name", value: "value" },
  { name: "empty", value: "" },
  { name: "lines", value: nonce },
  { name: "file", value: "a\0b\ufffd" },
];

const read = (text: string, piece = text.length, maxBytes = 10_000): RecordReader => {
  const reader = new RecordReader({ nonce, maxBytes });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) reader.add(bytes.subarray(at, at + piece));
  reader.end();
  return reader;
};

test.each([1, 2, 3, 7, 64, 10_000])("reads an answer that comes in pieces of %i bytes", (piece) => {
  const reader = read(whole, piece);
  expect([reader.state, reader.exitCode, reader.problem]).toEqual(["ended", 7, undefined]);
  expect(reader.records).toEqual(records);
  expect(reader.noise).toBe("Welcome to \n");
});

test("an answer that is cut anywhere has no end", () => {
  const start = whole.indexOf(nonce);
  for (let length = 0; length < whole.length; length++) {
    const reader = read(whole.slice(0, length));
    expect(reader.exitCode).toBeUndefined();
    expect(reader.state).toBe(length >= start + nonce.length + 7 ? "running" : "waiting");
  }
});

test("whatever comes behind the end changes nothing", () => {
  const reader = read(`${whole}goodbye\n${nonce} end 0\n`);
  expect([reader.exitCode, reader.records]).toEqual([7, records]);
});

const other = "f".repeat(32);
test.each([
  ["a stray line", "hello\n"],
  ["an end with another nonce", `${other} end 0\n`],
  ["a record with another nonce", `${other} put a 1\nx\n`],
  ["a second beginning", `${nonce} begin\n`],
  ["a value that is longer than it says", `${nonce} put a 1\nxy\n`],
  ["a length that is none", `${nonce} put a -1\n`],
  ["a length beyond all measure", `${nonce} put a 9999999999\n`],
  ["a length of many digits", `${nonce} put a 00000000000000000000000001\nx\n`],
  ["a name that is none", `${nonce} put a/b 1\nx\n`],
  ["no name", `${nonce} put  1\nx\n`],
  ["an exit code that is none", `${nonce} end 1000\n`],
  ["a header without end", nonce.repeat(10)],
  ["a carriage return", `${nonce} end 0\r\n`],
  ["base64 that is none", `${nonce} pipe a\n$$$$ 0\n`],
  ["base64 without status", `${nonce} pipe a\nYWJj\n`],
  ["base64 in half", `${nonce} pipe a\nYWJ 0\n`],
])("%s among the records breaks it", (_, text) => {
  const reader = read(`${nonce} begin\n${nonce} put a 1\nx\n${text}${nonce} end 0\n`);
  expect([reader.state, reader.exitCode, reader.records.length]).toEqual(["broken", undefined, 1]);
  expect(reader.problem).toMatch(/[a-z]/);
});

test("what stands in front may look like an answer to somebody else's question", () => {
  const reader = read(`${other} begin\n${other} end 0\n${nonce} put a 1\nx\n${nonce} begi\n${whole}`);
  expect([reader.state, reader.exitCode, reader.records]).toEqual(["ended", 7, records]);
});

test("an answer is bounded, however it comes", () => {
  const begin = `${nonce} begin\n`;
  const tooLong = read(`${begin}${nonce} put a 5000\n`, 100, 4000);
  expect([tooLong.state, tooLong.problem]).toEqual(["broken", "its answer is longer than 4000 bytes"]);
  const many = read(begin + `${nonce} put a 0\n\n`.repeat(1000), 1000, 4000);
  expect([many.state, many.records.length]).toEqual(["broken", Math.floor(4000 / 65)]);
  expect(read(`${begin}${nonce} pipe a\n${"A".repeat(9000)}`, 100, 4000).state).toBe("broken");
  expect(read(`${begin}${nonce} pipe a\n${"A".repeat(5400)} 0\n`, 100, 4000).state).toBe("broken");
  expect(read(`${begin}${nonce} pipe a\n${"A".repeat(5200)} 0\n`, 100, 4000).records).toHaveLength(1);
});

test("noise is bounded too, and its beginning is kept", () => {
  const reader = read("n".repeat(1_100_000), 10_000);
  expect([reader.state, reader.noise.length]).toEqual(["broken", 4096]);
  expect(read("n".repeat(900_000) + whole, 10_000).state).toBe("ended");
});

test("an answer in single bytes takes no more work than one in large pieces", () => {
  const value = "x".repeat(300_000);
  const reader = read(`${nonce} begin\n${nonce} put a ${value.length}\n${value}\n${nonce} end 0\n`, 1, 1_000_000);
  expect([reader.exitCode, reader.records[0]?.value.length]).toEqual([0, 300_000]);
});
