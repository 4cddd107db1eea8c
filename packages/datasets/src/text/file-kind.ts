/** What a file is when it is no text of lines, and what makes a log of it. */
export interface FileKind {
  /** For "'x' is ...". */
  readonly what: string;
  /** One sentence that names the command. */
  readonly fix: (name: string) => string;
}

const unpack =
  (command: string) =>
  (name: string): string =>
    `Unpack it first: ${command} ${quoted(name)}`;

const asText = (): string => "Export it as text first, one input a line, in the columns of the published log.";

const again = (): string => "Download it again: a login, a licence or an error was sent in its place.";

/** Kinds by the bytes at a place near the beginning of the file. */
const magics: readonly (FileKind & { readonly bytes: string; readonly at: number })[] = [
  { what: "a tar archive", bytes: "ustar", at: 257, fix: unpack("tar -xf") },
  { what: "a zip archive", bytes: "PK\x03\x04", at: 0, fix: unpack("unzip") },
  { what: "a gzip file", bytes: "\x1f\x8b", at: 0, fix: unpack("gunzip -k") },
  { what: "a bzip2 file", bytes: "BZh", at: 0, fix: unpack("bunzip2 -k") },
  { what: "an xz file", bytes: "\xfd7zXZ\0", at: 0, fix: unpack("unxz -k") },
  { what: "a Zstandard file", bytes: "\x28\xb5\x2f\xfd", at: 0, fix: unpack("unzstd") },
  { what: "an LZ4 file", bytes: "\x04\x22\x4d\x18", at: 0, fix: unpack("unlz4") },
  { what: "a 7z archive", bytes: "7z\xbc\xaf\x27\x1c", at: 0, fix: unpack("7z x") },
  { what: "a RAR archive", bytes: "Rar!\x1a\x07", at: 0, fix: unpack("unrar x") },
  { what: "a Parquet file", bytes: "PAR1", at: 0, fix: asText },
  { what: "an Arrow file", bytes: "ARROW1", at: 0, fix: asText },
  { what: "an ORC file", bytes: "ORC", at: 0, fix: asText },
  { what: "an Avro file", bytes: "Obj\x01", at: 0, fix: asText },
  { what: "an HDF5 file", bytes: "\x89HDF", at: 0, fix: asText },
  { what: "a numpy file", bytes: "\x93NUMPY", at: 0, fix: asText },
  { what: "a pointer of Git LFS", bytes: "version https://git-lfs", at: 0, fix: () => "Fetch the file: git lfs pull" },
];

const utf16: FileKind = {
  what: "UTF-16 text",
  fix: (name) => `Convert it first: iconv -f UTF-16 -t UTF-8 ${quoted(name)} > ${quoted(`${name}.utf8`)}`,
};

/** Looks at the first bytes of a file, or of what a gzip file holds; null for what may be lines of text. */
export function fileKind(bytes: Uint8Array): FileKind | null {
  const head = Buffer.from(bytes.subarray(0, 512)).toString("latin1");
  const magic = magics.find(({ bytes, at }) => head.startsWith(bytes, at));
  if (magic) return magic;
  if (/^(\xff\xfe|\xfe\xff)/.test(head) || /^([^\0]\0){8}/.test(head) || /^(\0[^\0]){8}/.test(head)) return utf16;
  const text = head.replace(/^\xef\xbb\xbf/, "");
  if (/^\s*</.test(text)) return { what: "an HTML or XML page", fix: again };
  return /^\s*[{[]/.test(text) ? { what: "JSON", fix: asText } : null;
}

/** A name as a shell reads it. */
export const quoted = (name: string): string =>
  /^[\w./@%+=:,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
