/** Okabe and Ito's colours, told apart by everyone and in grey, and a few more for figures with many series. */
const palette = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#d55e00",
  "#56b4e9",
  "#cc79a7",
  "#999933",
  "#555555",
  "#882255",
  "#44aa99",
];

/** Names that have one colour in every figure: strategies, stages, kinds of bytes. */
const fixed: Readonly<Record<string, string>> = {
  fae: "#0072b2",
  mixed: "#009e73",
  "dlrm-hybrid": "#e69f00",
  "xdl-parameter-server": "#cc79a7",
  "cpu-only": "#8a8a8a",
  "device-only": "#56b4e9",

  read: "#999933",
  gather: "#e69f00",
  copy: "#d55e00",
  forward: "#56b4e9",
  backward: "#0072b2",
  train: "#56b4e9",
  update: "#009e73",
  switch: "#cc79a7",
  wait: "#bdbdbd",
  test: "#555555",
  other: "#d9d9d9",
  profile: "#882255",
  pack: "#44aa99",

  inputs: "#56b4e9",
  rows: "#e69f00",
  "optimizer state": "#009e73",
  parameters: "#0072b2",
};

/** What a published series is of, by the start of its name. */
const publishedOf: Readonly<Record<string, string>> = { FAE: "fae", XDL: "xdl-parameter-server" };

/**
 * One colour per series name: a fixed one, or the palette's in turn. A published value, `X, paper`, has the colour of X.
 */
export function coloursOf(names: readonly string[]): string[] {
  const base = (name: string) => {
    const bare = name.replace(/, paper$/, "");
    return publishedOf[bare.split(" ")[0]] ?? bare;
  };
  const free = palette.filter((colour) => !names.some((name) => fixed[base(name)] === colour));
  const taken = new Map<string, string>();
  return names.map((name) => {
    const key = base(name);
    const colour = fixed[key] ?? taken.get(key) ?? free[taken.size % free.length];
    if (!(key in fixed)) taken.set(key, colour);
    return colour;
  });
}
